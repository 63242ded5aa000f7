/* What the library takes from its process: accounts, names of the machine, the compatibility level. */
#define _GNU_SOURCE
#include "environment.h"

#include "names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Longest line of NTLM_USER_FILE that is read as one, with its end (the library's documentation names no limit). */
#define ACCOUNT_LINE 1023

#define NEGOTIATE_VERSION 0x02000000u

static const char *const policies[] = {"lm-compatibility-level", "offer", "grant", "send-version", "send-mic", NULL};

settings environment;

/* The accounts, in a file without a name that is gone with the process. */
static int accounts = -1;

/* MIT's library acquires credentials of Kerberos beside those that are asked for, and would look names up for them. */
static const char without_lookups[] =
    "[libdefaults]\ndns_canonicalize_hostname = false\ndns_lookup_kdc = false\ndns_lookup_realm = false\n";

/* Whether there is a file that the variable names. */
static int open_file(const char *variable, int *file) {
    char path[64];
    *file = memfd_create(variable, MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", *file);
    return *file >= 0 && !setenv(variable, path, 1);
}

int open_files(void) {
    int kerberos;
    ssize_t size = sizeof without_lookups - 1;
    return open_file("NTLM_USER_FILE", &accounts) && open_file("KRB5_CONFIG", &kerberos) &&
           write(kerberos, without_lookups, (size_t)size) == size;
}

static void set(const char *name, const lw_value *value) {
    const char *text = lw_string(value);
    if (text) setenv(name, text, 1);
    else unsetenv(name);
}

/* Writes a line `DOMAIN:user:password`; returns 0 after answering that the format cannot hold the account. */
static int write_account(lw_call *call, const lw_value *account) {
    static const char *const names[] = {"domain", "user", "password"};
    char line[ACCOUNT_LINE + 1];
    size_t size = 0;
    for (int i = 0; i < 3; i++) {
        lw_bytes part = {(unsigned char *)"", 0};
        if (text_of(call, lw_get(account, names[i]), &part) == REFUSED) return 0;
        const char *shown = (char *)part.data;
        int odd = strlen(shown) != part.size || strpbrk(shown, ":\r\n") || (!i && *shown == '#');
        if (odd || size + part.size + 2 > sizeof line) {
            lw_unsupported(call, "account:not-expressible-in-NTLM_USER_FILE", NULL);
            return 0;
        }
        memcpy(line + size, part.data, part.size);
        size += part.size;
        line[size++] = i < 2 ? ':' : '\n';
    }
    if (write(accounts, line, size) != (ssize_t)size) {
        lw_fault(call, "the accounts cannot be written");
        return 0;
    }
    return 1;
}

/* Switches stand in the policy only where they differ from the default: nothing is masked, version and MIC are sent. */
static void read_policy(const lw_value *policy) {
    const lw_value *level = lw_get(policy, policies[0]);
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)lw_number(level));
    if (level) setenv("LM_COMPAT_LEVEL", number, 1);
    else unsetenv("LM_COMPAT_LEVEL");
    environment.flags = UINT32_MAX;
    if (lw_get(policy, "offer")) environment.flags &= (uint32_t)lw_number(lw_get(policy, "offer"));
    if (lw_get(policy, "grant")) environment.flags &= (uint32_t)lw_number(lw_get(policy, "grant"));
    if (lw_get(policy, "send-version")) environment.flags &= ~NEGOTIATE_VERSION;
    environment.with_mic = !lw_get(policy, "send-mic");
}

int set_environment(lw_call *call) {
    const lw_value *given = lw_get(lw_request(call), "environment"), *account;
    const lw_value *host = lw_get(given, "host");
    const char *dns = lw_string(lw_get(host, "dns-computer"));
    if (lw_refuse(call, policies)) return 0;
    if (ftruncate(accounts, 0) || lseek(accounts, 0, SEEK_SET)) {
        lw_fault(call, "the accounts cannot be emptied");
        return 0;
    }
    for (size_t i = 0; (account = lw_item(lw_get(given, "accounts"), i)); i++)
        if (!write_account(call, account)) return 0;
    set("NETBIOS_COMPUTER_NAME", lw_get(host, "netbios-computer"));
    set("NETBIOS_DOMAIN_NAME", lw_get(host, "netbios-domain"));
    snprintf(environment.host, sizeof environment.host, "%s", dns ? dns : "");
    read_policy(lw_get(given, "policy"));
    return 1;
}

/* What can be driven and seen of the library. */
#define _GNU_SOURCE
#include "hello.h"

#include <stdio.h>

#define OPERATIONS(call)                                                                                             \
    "\"operations\":[\"acquire\",\"free-credential\",\"" call "\",\"export\",\"import\",\"delete\",\"query\","       \
    "\"sign\",\"verify\",\"seal\",\"unseal\"],\"forms\":[\"whole\",\"detached\"]"
#define OBSERVABLES(more)                                                                                            \
    "\"observables\":[\"token\",\"status\",\"attributes\",\"session-key\",\"per-message\"" more "]"

/* The version that the package manager has. */
static void ask_version(char *version, size_t room) {
    FILE *answer = popen("dpkg-query --show --showformat '${Version}' gss-ntlmssp", "r");
    size_t size = answer ? fread(version, 1, room - 1, answer) : 0;
    version[size] = 0;
    if (answer) pclose(answer);
}

void make_hello(char *hello, size_t room, uint32_t initiator, uint32_t acceptor) {
    static const char format[] =
        "{\"protocol\":1,\"name\":\"gss-ntlmssp\",\"version\":\"%s\",\"controls\":[\"host\"],\"drives\":["
        "{\"package\":\"ntlm\",\"role\":\"initiator\"," OPERATIONS("initialize") "," OBSERVABLES("")
        ",\"requirements\":%u},"
        "{\"package\":\"ntlm\",\"role\":\"acceptor\"," OPERATIONS("accept") "," OBSERVABLES(",\"peer-name\"")
        ",\"requirements\":%u}]}";
    char version[64];
    ask_version(version, sizeof version);
    snprintf(hello, room, format, version, initiator, acceptor);
}

/* What can be driven and seen of the library. */
#define _GNU_SOURCE
#include "hello.h"

#include <stdio.h>

#define OPERATIONS(call)                                                                                             \
    "\"operations\":[\"acquire\",\"free-credential\",\"" call "\",\"export\",\"import\",\"delete\",\"query\","       \
    "\"sign\",\"verify\",\"seal\",\"unseal\"],\"forms\":[\"whole\",\"detached\"]"
#define OBSERVABLES(more)                                                                                            \
    "\"observables\":[\"token\",\"status\",\"attributes\",\"session-key\",\"per-message\"" more "]"
/* The library adds the other flags to those of a mask again. */
#define MASK(name)                                                                                                   \
    "\"policy:" name ":negotiate-128\",\"policy:" name ":negotiate-56\",\"policy:" name ":unicode\""
#define HONOURS(more)                                                                                                \
    "\"honours\":[\"bindings\",\"character-set:oem\",\"leg:after-the-last\",\"policy:lm-compatibility-level\","        \
    "\"query:flags\"," more "]"

/* The version that the package manager has. */
static void ask_version(char *version, size_t room) {
    FILE *answer = popen("dpkg-query --show --showformat '${Version}' gss-ntlmssp", "r");
    size_t size = answer ? fread(version, 1, room - 1, answer) : 0;
    version[size] = 0;
    if (answer) pclose(answer);
}

#define INITIATOR(package, more)                                                                                     \
    "{\"package\":\"" package "\",\"role\":\"initiator\"," OPERATIONS("initialize") "," OBSERVABLES("")                \
    "," HONOURS(MASK("offer") ",\"identity\"," more "\"policy:send-version\"") ",\"requirements\":%u}"
#define ACCEPTOR(package)                                                                                            \
    "{\"package\":\"" package "\",\"role\":\"acceptor\"," OPERATIONS("accept") "," OBSERVABLES(",\"peer-name\"")     \
    "," HONOURS(MASK("grant") ",\"leg\",\"policy:grant:extended-sessionsecurity\"") ",\"requirements\":%u}"

void make_hello(char *hello, size_t room, uint32_t initiator, uint32_t acceptor) {
    static const char format[] =
        "{\"protocol\":1,\"name\":\"gss-ntlmssp\",\"version\":\"%s\",\"controls\":[\"host\"],\"drives\":["
        INITIATOR("ntlm", "\"policy:send-mic\",") "," ACCEPTOR("ntlm") ","
        INITIATOR("negotiate", "") "," ACCEPTOR("negotiate") "]}";
    char version[64];
    ask_version(version, sizeof version);
    snprintf(hello, room, format, version, initiator, acceptor, initiator, acceptor);
}

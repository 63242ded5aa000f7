/* An adapter that answers with what the answers of a library may hold: any code units, and statuses of GSS-API. */
#include "legwork_adapter.h"

static void values(lw_call *call) {
    static const uint16_t pair[] = {'a', 0xD83D, 0xDE00, 0xE9};
    static const uint16_t halves[] = {0xDE00, 0xD83D, 'b', 0xD83D};
    lw_returned(call, 1);
    lw_add_value_text(call, "pair", pair, sizeof pair / sizeof *pair);
    lw_add_value_text(call, "halves", halves, sizeof halves / sizeof *halves);
    lw_add_value_text(call, "empty", pair, 0);
    lw_add_value_string(call, "string", "0x00000030");
}

static void status(lw_call *call) { lw_status_gss(call, 0x000D0000, 0x4E540001, "ntlmssp", "a \"message\""); }

static void bare_status(lw_call *call) { lw_status_gss(call, 0, 0, NULL, NULL); }

int main(void) {
    static const lw_handler handlers[] = {
        {"query", values}, {"sign", status}, {"verify", bare_status}, {NULL, NULL}};
    return lw_run("{}", handlers);
}

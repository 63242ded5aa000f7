/* A Legwork adapter that drives nothing yet. Fill it in by ADAPTERS.md, step by step. */
#include "legwork_adapter.h"

static const char hello[] = "{\"protocol\":1,\"name\":\"NAME\",\"version\":\"0\",\"drives\":[],\"controls\":[]}";

static void reset(lw_call *call) {
    if (!lw_refuse(call, NULL)) lw_outcome(call);
}

int main(void) {
    static const lw_handler handlers[] = {{"reset", reset}, {NULL, NULL}};
    return lw_run(hello, handlers);
}

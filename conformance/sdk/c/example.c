/* An adapter for a library that is made up here: its package `canned` asks, and takes one answer. Where a real adapter
 * calls its library, this one calls step(). */
#include "legwork_adapter.h"

#include <stdlib.h>
#include <string.h>

/* The made-up library: the initiator says hello, the acceptor asks, the initiator answers. */
static const char *const tokens[] = {"hello", "who is there?", "it is me"};

typedef struct {
    size_t turn;
} exchange;

/* Whether the token was the one that is due; the answer goes to `out`, null if there is none. */
static int step(exchange *context, const lw_bytes *token, const char **out, int *complete) {
    if (context->turn > 3) return 0;
    const char *due = context->turn ? tokens[context->turn - 1] : NULL;
    if (!due != !token) return 0;
    if (due && (token->size != strlen(due) || memcmp(token->data, due, token->size))) return 0;
    *out = context->turn < 3 ? tokens[context->turn] : NULL;
    context->turn += 2;
    *complete = context->turn > 3;
    return 1;
}

/* Its one function: the token that answers another; null if none does. */
static const char *after(const lw_bytes *token) {
    for (size_t i = 0; i + 1 < sizeof tokens / sizeof *tokens; i++)
        if (token->size == strlen(tokens[i]) && !memcmp(token->data, tokens[i], token->size)) return tokens[i + 1];
    return NULL;
}

#define OPERATIONS(call) "\"operations\":[\"acquire\",\"free-credential\",\"" call "\",\"delete\"]"
#define DRIVE(role, call)                                                                                            \
    "{\"package\":\"canned\",\"role\":\"" role "\"," OPERATIONS(call) ","                                            \
    "\"observables\":[\"token\",\"status\"],\"requirements\":4294967295,\"derive\":[\"answer\"]}"

static const char hello[] = "{\"protocol\":1,\"name\":\"canned\",\"version\":\"1\",\"controls\":[],\"drives\":["
    DRIVE("initiator", "initialize") "," DRIVE("acceptor", "accept") "]}";

static lw_handles credentials = {NULL, free}, contexts = {NULL, free};

static void reset(lw_call *call) {
    lw_forget(&credentials);
    lw_forget(&contexts);
    if (!lw_refuse(call, NULL)) lw_outcome(call);
}

static void acquire(lw_call *call) {
    const lw_value *request = lw_request(call);
    const char *package = lw_string(lw_get(request, "package"));
    lw_bytes user;
    if (!package || strcmp(package, "canned")) {
        lw_unsupported(call, "package", package);
        return;
    }
    /* A library would be handed the code units. */
    size_t length = lw_text(call, lw_get(lw_get(request, "identity"), "user"), &user) ? user.size : 0;
    size_t *credential = malloc(sizeof *credential);
    *credential = length;
    lw_keep(&credentials, lw_number(lw_get(request, "credential")), credential);
    lw_returned(call, 1);
}

static void free_credential(lw_call *call) {
    void *credential = lw_drop(call, &credentials, lw_get(lw_request(call), "credential"));
    if (!credential) return;
    free(credential);
    lw_returned(call, 1);
}

static void leg(lw_call *call, size_t turn) {
    const lw_value *request = lw_request(call), *number = lw_get(request, "context");
    if (!lw_find(call, &credentials, lw_get(request, "credential"))) return;
    if (!number) {
        exchange *fresh = malloc(sizeof *fresh);
        fresh->turn = turn;
        number = lw_get(request, "new-context");
        lw_keep(&contexts, lw_number(number), fresh);
    }
    exchange *context = lw_find(call, &contexts, number);
    if (!context) return;
    lw_bytes token;
    const char *out = NULL;
    int complete = 0, given = lw_buffer(call, lw_get(request, "input"), LW_TOKEN, &token);
    if (!step(context, given ? &token : NULL, &out, &complete)) {
        lw_status(call, "sspi", 0x80090308, "another token is due");
        return;
    }
    lw_returned(call, complete);
    if (out) lw_add_buffer(call, LW_TOKEN, out, strlen(out));
}

static void initialize(lw_call *call) { leg(call, 0); }

static void accept_leg(lw_call *call) { leg(call, 1); }

static void delete_context(lw_call *call) {
    void *context = lw_drop(call, &contexts, lw_get(lw_request(call), "context"));
    if (!context) return;
    free(context);
    lw_returned(call, 1);
}

static void derive(lw_call *call) {
    const lw_value *request = lw_request(call);
    const lw_value *input = lw_get(lw_get(request, "values"), "token");
    const char *function = lw_string(lw_get(request, "function")), *value;
    lw_bytes token = lw_hex(call, input);
    if (!function || strcmp(function, "answer")) {
        lw_unsupported(call, "derive", function);
    } else if (!lw_string(input)) {
        lw_fault(call, "no token");
    } else if (!(value = after(&token))) {
        lw_status(call, "sspi", 0x80090308, "nothing answers that");
    } else {
        lw_returned(call, 1);
        lw_add_value_bytes(call, "value", value, strlen(value));
    }
}

int main(void) {
    static const lw_handler handlers[] = {
        {"reset", reset},
        {"acquire", acquire},
        {"free-credential", free_credential},
        {"initialize", initialize},
        {"accept", accept_leg},
        {"delete", delete_context},
        {"derive", derive},
        {NULL, NULL},
    };
    int code = lw_run(hello, handlers);
    lw_forget(&credentials);
    lw_forget(&contexts);
    return code;
}

/* An adapter whose library writes one byte behind a buffer (`sign`) or before it (`seal`). */
#include "legwork_adapter.h"

static void write_behind(lw_call *call) {
    lw_bytes room = lw_room(call, 16);
    room.data[room.size] = 0;
    lw_returned(call, 1);
}

static void write_before(lw_call *call) {
    lw_bytes room = lw_room(call, 16);
    *(room.data - 1) = 0;
    lw_returned(call, 1);
}

static void write_all(lw_call *call) {
    lw_bytes room = lw_room(call, 16);
    for (size_t i = 0; i < room.size; i++) room.data[i] = 0;
    lw_returned(call, 1);
}

int main(void) {
    static const lw_handler handlers[] = {
        {"sign", write_behind}, {"seal", write_before}, {"query", write_all}, {NULL, NULL}};
    return lw_run("{}", handlers);
}

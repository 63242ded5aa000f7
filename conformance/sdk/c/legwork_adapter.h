/* What every adapter in C needs: the lines of the protocol, text, handles, and buffers whose overrun is a crash at the
 * byte where it happens. C99 and POSIX or Windows, no other dependency.
 *
 * Write a function for each operation that the library has, list them in a table, and call lw_run. A function looks
 * at the request and answers once. Everything that lw_ functions return belongs to the request and is gone after it,
 * but for handles. */
#ifndef LEGWORK_ADAPTER_H
#define LEGWORK_ADAPTER_H

#include <stddef.h>
#include <stdint.h>

#define LW_PROTOCOL 1
#define LW_DATA 1
#define LW_TOKEN 2
#define LW_CHANNEL_BINDINGS 14

/* A value of JSON. */
typedef struct lw_value lw_value;

/* A request and its answer. */
typedef struct lw_call lw_call;

/* Bytes in a mapping of their own: the byte behind the last one cannot be touched, nor the page before the first;
 * what lies between is filled with a pattern that is looked at when the request is over. `data` is never null. */
typedef struct {
    unsigned char *data;
    size_t size;
} lw_bytes;

typedef struct {
    const char *operation;
    void (*answer)(lw_call *call);
} lw_handler;

/* Answers requests until `bye` or the end of the input. `hello` is the text of the object `hello`; `handlers` ends
 * with {NULL, NULL}; `hello` and `bye` need none. What the library prints goes to the standard error. Returns the
 * exit code. */
int lw_run(const char *hello, const lw_handler *handlers);

/* --- The request --------------------------------------------------------------------------------------------- */

/* The arguments: an object. */
const lw_value *lw_request(const lw_call *call);
/* A field of an object; null if it is absent or null, or `object` is none. */
const lw_value *lw_get(const lw_value *object, const char *name);
/* An item of an array, or the name and value of a field by place; null behind the last. */
const lw_value *lw_item(const lw_value *list, size_t place);
const char *lw_name(const lw_value *object, size_t place);
/* Null if it is no string; UTF-8, without what is behind a NUL. */
const char *lw_string(const lw_value *value);
/* 0 if it is no number. */
uint64_t lw_number(const lw_value *value);
/* Whether a text of the protocol is there (absent and empty are different), and its UTF-16 code units, of which the
 * machine's order is used; one zero unit follows them, which `size` (in bytes) does not count. */
int lw_text(lw_call *call, const lw_value *text, lw_bytes *units);
/* The bytes of a string of hex, such as an input of `derive`; none of them if it is no string. */
lw_bytes lw_hex(lw_call *call, const lw_value *hex);
/* Whether there is a buffer of a kind in a list, and the bytes of the first. */
int lw_buffer(lw_call *call, const lw_value *buffers, unsigned kind, lw_bytes *bytes);
/* Room for output, filled with a pattern. */
lw_bytes lw_room(lw_call *call, size_t size);
/* For `reset`: answers `unsupported` to a policy switch that is not in the list (which ends with a null; null: none),
 * to every fault, and to an account with a state. Returns whether it did. */
int lw_refuse(lw_call *call, const char *const *policies);

/* --- The answer ---------------------------------------------------------------------------------------------- */

/* A call was made; more may be added to the outcome. `message` may be null. */
void lw_outcome(lw_call *call);
void lw_status(lw_call *call, const char *name_space, uint32_t code, const char *message);
/* `mechanism` is the one whose number the minor status is, as its object identifier with dots or by name. It and the
 * message may be null. */
void lw_status_gss(lw_call *call, uint32_t major, uint32_t minor, const char *mechanism, const char *message);
/* The status of an interface that says nothing but by returning. */
void lw_returned(lw_call *call, int complete);
/* `kind` with the buffer's attributes, as in BufferType. */
void lw_add_buffer(lw_call *call, unsigned kind, const void *data, size_t size);
/* The library allocated the buffers, and is to be asked to free them: `free-buffers`. */
void lw_add_allocated(lw_call *call);
void lw_add_attributes(lw_call *call, const char *name_space, uint32_t bits);
/* Answers of `query`, `decode` and `derive`; a string is UTF-8, a value of JSON is written as it stands. */
void lw_add_value_bytes(lw_call *call, const char *name, const void *data, size_t size);
void lw_add_value_number(lw_call *call, const char *name, uint64_t number);
void lw_add_value_text(lw_call *call, const char *name, const uint16_t *units, size_t count);
void lw_add_value_string(lw_call *call, const char *name, const char *string);
void lw_add_value_json(lw_call *call, const char *name, const char *json);
/* The library cannot do this: `what` and, if it is not null, a colon and `detail`. */
void lw_unsupported(lw_call *call, const char *what, const char *detail);
/* The adapter itself failed. */
void lw_fault(lw_call *call, const char *message);

/* --- Handles ------------------------------------------------------------------------------------------------- */

typedef struct lw_handles {
    struct lw_handle *first;
    /* Frees what a number stands for when all are forgotten; may be null. */
    void (*release)(void *value);
} lw_handles;

/* Keeps a value (not null) under a number; one that stood there before is released. */
void lw_keep(lw_handles *handles, uint64_t number, void *value);
/* The value of a handle; null, without an answer, if the number is absent, foreign or stale. */
void *lw_peek(const lw_handles *handles, const lw_value *number);
/* The value of a handle; null after answering `unsupported` if the number is absent, foreign or stale. */
void *lw_find(lw_call *call, lw_handles *handles, const lw_value *number);
/* Takes the value out; its number stays known as one that was freed. */
void *lw_drop(lw_call *call, lw_handles *handles, const lw_value *number);
/* Releases everything. */
void lw_forget(lw_handles *handles);

#endif

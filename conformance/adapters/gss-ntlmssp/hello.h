/* What can be driven and seen of the library. */
#ifndef HELLO_H
#define HELLO_H

#include <stddef.h>
#include <stdint.h>

/* The object `hello`, with the requirement bits that each role can express. */
void make_hello(char *hello, size_t room, uint32_t initiator, uint32_t acceptor);

#endif

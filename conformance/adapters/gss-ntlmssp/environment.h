/* What the library takes from its process: accounts, names of the machine, the compatibility level. */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include "legwork_adapter.h"

/* What of an environment goes with calls. */
typedef struct {
    /* What an acceptor's credential is acquired for: a service on the host of this name. */
    char host[256];
    /* Flags that the messages of the negotiation may have. */
    uint32_t flags;
    int with_mic;
} settings;

extern settings environment;

/* Whether there are the files that the process is configured by; to be called before anything else. */
int open_files(void);

/* The environment of `reset`: what the library reads from its process at each call, and the rest in `environment`.
 * Returns 0 after answering. */
int set_environment(lw_call *call);

#endif

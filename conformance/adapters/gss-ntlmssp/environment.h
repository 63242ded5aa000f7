/* What the library takes from its process: accounts, names of the machine, the compatibility level. */
#ifndef ENVIRONMENT_H
#define ENVIRONMENT_H

#include "legwork_adapter.h"

/* The policy switch that the library has. */
#define LEVEL "lm-compatibility-level"

/* Whether there is a file for the accounts; to be called before anything else. */
int open_accounts(void);

/* The environment of `reset`: the library reads these settings at each call. Returns 0 after answering. */
int set_environment(lw_call *call);

#endif

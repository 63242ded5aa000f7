/* Randomness and clock of a program as a harness says: a library for LD_PRELOAD, for 64-bit Linux with glibc.
 *
 *     cc -std=c11 -O2 -fPIC -shared -o preload.so preload.c
 *     LD_PRELOAD=./preload.so LEGWORK_CONTROL=FILE program
 *
 * FILE is a `struct control`, which the harness writes and this library maps. Without it every function here gives what
 * the system gives. A process begins its stream anew when it starts and whenever `generation` changes; what a process
 * forks goes on from where its parent was. The clock stands still: a token made at a known time can then be compared
 * exactly, however often the time was asked for before. Clocks that count from no date are the system's.
 *
 * Not seen: programs that are linked statically or enter the system themselves, instructions such as RDRAND, and
 * generators that a library seeded before. Waiting until a date (pthread_cond_timedwait) compares with the system's clock.
 */
#define _GNU_SOURCE
/* Its wrappers would be what is defined here. */
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Numbers in the machine's byte order, without gaps. */
struct control {
    char magic[8];
    /* From 1; written after everything else. */
    _Atomic uint64_t generation;
    uint64_t seed[2];
    /* 100 ns units since 1601-01-01 UTC. */
    uint64_t clock;
    /* Added to by this library. */
    _Atomic uint64_t draws;
    _Atomic uint64_t clock_reads;
};

_Static_assert(sizeof(struct control) == 56, "as subject/control.rs writes it");
_Static_assert(sizeof(time_t) == 8 && sizeof(long) == 8, "a 64-bit system");

static const char MAGIC[8] = {'L', 'E', 'G', 'W', 'O', 'R', 'K', '1'};

#define UNIX_EPOCH UINT64_C(116444736000000000)
#define SECOND UINT64_C(10000000)
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/* ---- The control file ---- */

enum { NOT_LOOKED_FOR, BEING_MAPPED, LOOKED_FOR };

static _Atomic int state = NOT_LOOKED_FOR;
static struct control *mapped;

/* Enters the system directly: open is one of the functions below. */
static struct control *map(void) {
    const char *path = getenv("LEGWORK_CONTROL");
    if (path == NULL || *path == '\0') {
        return NULL;
    }
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (file < 0) {
        return NULL;
    }
    struct stat about;
    struct control *control = MAP_FAILED;
    if (fstat(file, &about) == 0 && about.st_size >= (off_t)sizeof *control) {
        control = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    }
    close(file);
    return control != MAP_FAILED && memcmp(control->magic, MAGIC, sizeof MAGIC) == 0 ? control : NULL;
}

/* The control file, or NULL. Other libraries draw before this one's constructor would run. */
static struct control *control(void) {
    int seen = atomic_load_explicit(&state, memory_order_acquire);
    if (seen == NOT_LOOKED_FOR && atomic_compare_exchange_strong(&state, &seen, BEING_MAPPED)) {
        int before = errno;
        mapped = map();
        errno = before;
        atomic_store_explicit(&state, LOOKED_FOR, memory_order_release);
    }
    while (atomic_load_explicit(&state, memory_order_acquire) != LOOKED_FOR) {
        sched_yield();
    }
    return mapped;
}

/* ---- Randomness ---- */

/* Generation in the upper half, number of the last draw in the lower: one word, so that no thread sees half of it. */
static _Atomic uint64_t last_draw;

/* The number of the next draw, from 1 in each generation. */
static uint64_t next_draw(uint64_t generation) {
    uint64_t next, last = atomic_load(&last_draw);
    do {
        next = (last >> 32 == (generation & UINT32_MAX) ? last : generation << 32) + 1;
    } while (!atomic_compare_exchange_weak(&last_draw, &last, next));
    return next & UINT32_MAX;
}

/* The output function of SplitMix64: every bit of the input moves every bit of the result. */
static uint64_t mix(uint64_t word) {
    word = (word ^ (word >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    word = (word ^ (word >> 27)) * UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

static void draw_from_system(unsigned char *bytes, size_t size) {
    while (size > 0) {
        long drawn = syscall(SYS_getrandom, bytes, size, 0);
        if (drawn < 0 && errno != EINTR) {
            abort();
        }
        drawn = drawn < 0 ? 0 : drawn;
        bytes += drawn;
        size -= (size_t)drawn;
    }
}

/* Words are a function of seed, number of the draw, and place. Who asks for nothing, to see whether he could, draws
 * nothing. */
static void draw(void *to, size_t size) {
    unsigned char *bytes = to;
    struct control *harness = control();
    if (harness == NULL) {
        draw_from_system(bytes, size);
        return;
    }
    if (size == 0) {
        return;
    }
    uint64_t generation = atomic_load_explicit(&harness->generation, memory_order_acquire);
    uint64_t key = mix(mix(harness->seed[0] + GOLDEN) ^ harness->seed[1]);
    key = mix(key ^ next_draw(generation));
    atomic_fetch_add(&harness->draws, 1);
    for (size_t at = 0; at < size; at += sizeof key) {
        key += GOLDEN;
        uint64_t word = mix(key);
        memcpy(bytes + at, &word, size - at < sizeof word ? size - at : sizeof word);
    }
}

ssize_t getrandom(void *bytes, size_t size, unsigned flags) {
    if (control() == NULL) {
        return syscall(SYS_getrandom, bytes, size, flags);
    }
    draw(bytes, size);
    return (ssize_t)size;
}

int getentropy(void *bytes, size_t size) {
    if (size > 256) {
        errno = EIO;
        return -1;
    }
    draw(bytes, size);
    return 0;
}

void arc4random_buf(void *bytes, size_t size) {
    draw(bytes, size);
}

uint32_t arc4random(void) {
    uint32_t word;
    draw(&word, sizeof word);
    return word;
}

uint32_t arc4random_uniform(uint32_t bound) {
    return (uint32_t)((uint64_t)arc4random() * bound >> 32);
}

int RAND_bytes(unsigned char *bytes, int size) {
    if (size < 0) {
        return 0;
    }
    draw(bytes, (size_t)size);
    return 1;
}

int RAND_priv_bytes(unsigned char *bytes, int size) {
    return RAND_bytes(bytes, size);
}

int RAND_bytes_ex(void *context, unsigned char *bytes, size_t size, unsigned strength) {
    (void)context, (void)strength;
    draw(bytes, size);
    return 1;
}

int RAND_priv_bytes_ex(void *context, unsigned char *bytes, size_t size, unsigned strength) {
    return RAND_bytes_ex(context, bytes, size, strength);
}

int gnutls_rnd(int level, void *bytes, size_t size) {
    (void)level;
    draw(bytes, size);
    return 0;
}

/* ---- The random devices ---- */

/* Descriptors that were a random device when they were opened. */
static _Atomic bool was_device[1024];

static bool names_device(const char *path) {
    return path != NULL && (strcmp(path, "/dev/urandom") == 0 || strcmp(path, "/dev/random") == 0);
}

static bool is_device(int file) {
    struct stat about;
    return file >= 0 && (size_t)file < sizeof was_device / sizeof *was_device && was_device[file]
        && fstat(file, &about) == 0 && S_ISCHR(about.st_mode)
        && (about.st_rdev == makedev(1, 8) || about.st_rdev == makedev(1, 9));
}

/* What follows this library: read and open are points where a thread can be cancelled. */
#define NEXT(name)                                                     \
    __extension__({                                                    \
        static _Atomic(__typeof__(&name)) found;                       \
        if (found == NULL) {                                           \
            found = (__typeof__(&name))dlsym(RTLD_NEXT, #name);        \
        }                                                              \
        found;                                                         \
    })

static int opened(int folder, const char *path, int flags, va_list more) {
    mode_t mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(more, mode_t) : 0;
    int file = NEXT(openat)(folder, path, flags, mode);
    if (file >= 0 && (size_t)file < sizeof was_device / sizeof *was_device && names_device(path)) {
        was_device[file] = true;
    }
    return file;
}

#define OPENED(folder)                                \
    va_list more;                                     \
    va_start(more, flags);                            \
    int file = opened(folder, path, flags, more);     \
    va_end(more);                                     \
    return file

int open(const char *path, int flags, ...) {
    OPENED(AT_FDCWD);
}

int open64(const char *path, int flags, ...) {
    OPENED(AT_FDCWD);
}

int openat(int folder, const char *path, int flags, ...) {
    OPENED(folder);
}

int openat64(int folder, const char *path, int flags, ...) {
    OPENED(folder);
}

ssize_t read(int file, void *bytes, size_t size) {
    if (is_device(file) && control() != NULL) {
        draw(bytes, size);
        return (ssize_t)size;
    }
    return NEXT(read)(file, bytes, size);
}

static ssize_t read_cookie(void *cookie, char *bytes, size_t size) {
    (void)cookie;
    draw(bytes, size);
    return (ssize_t)size;
}

/* Without a buffer, which would keep what was drawn before the generation changed. */
static FILE *open_stream(const char *mode) {
    FILE *stream = fopencookie(NULL, mode, (cookie_io_functions_t){.read = read_cookie});
    if (stream != NULL) {
        setvbuf(stream, NULL, _IONBF, 0);
    }
    return stream;
}

FILE *fopen(const char *path, const char *mode) {
    return names_device(path) && control() != NULL ? open_stream(mode) : NEXT(fopen)(path, mode);
}

FILE *fopen64(const char *path, const char *mode) {
    return fopen(path, mode);
}

/* ---- The clock ---- */

/* The time as the harness says; false if it says none. */
static bool told_time(struct timespec *time) {
    struct control *harness = control();
    if (harness == NULL) {
        return false;
    }
    atomic_fetch_add(&harness->clock_reads, 1);
    uint64_t since = harness->clock > UNIX_EPOCH ? harness->clock - UNIX_EPOCH : 0;
    time->tv_sec = (time_t)(since / SECOND);
    time->tv_nsec = (long)(since % SECOND) * 100;
    return true;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    bool dated = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    return dated && told_time(time) ? 0 : (int)syscall(SYS_clock_gettime, clock, time);
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    if (zone != NULL) {
        memset(zone, 0, sizeof(struct timezone));
    }
    if (failed == 0) {
        *time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    }
    return failed;
}

time_t time(time_t *to) {
    struct timespec now;
    time_t seconds = clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0 ? now.tv_sec : (time_t)-1;
    if (to != NULL) {
        *to = seconds;
    }
    return seconds;
}

int timespec_get(struct timespec *time, int base) {
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, time) == 0 ? base : 0;
}

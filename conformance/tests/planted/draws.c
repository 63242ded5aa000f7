/* Prints, in a line each, what a program draws and what time it has. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int RAND_bytes(unsigned char *, int) __attribute__((weak));
int gnutls_rnd(int, void *, size_t) __attribute__((weak));

static void bytes(const char *from, const unsigned char *drawn) {
    printf("%s", from);
    for (int at = 0; at < 16; at++) {
        printf("%s%02x", at == 0 ? " " : "", drawn[at]);
    }
    printf("\n");
}

/* A thousand draws, all of which differ from one another and from those of the other thread. */
static void *draw_often(void *to) {
    uint64_t *words = to;
    for (int at = 0; at < 1000; at++) {
        if (getentropy(&words[at], sizeof words[at]) != 0) {
            words[at] = 0;
        }
    }
    return NULL;
}

static int repeated(void) {
    static uint64_t words[2000];
    pthread_t thread;
    if (pthread_create(&thread, NULL, draw_often, words) != 0) {
        return -1;
    }
    draw_often(words + 1000);
    pthread_join(thread, NULL);
    int count = 0;
    for (int at = 0; at < 2000; at++) {
        for (int before = 0; before < at; before++) {
            count += words[at] == words[before];
        }
    }
    return count;
}

int main(int count, char **arguments) {
    unsigned char drawn[16];
    int failed = getrandom(drawn, sizeof drawn, 0) != sizeof drawn;
    bytes("getrandom", drawn);
    failed |= getentropy(drawn, sizeof drawn) != 0;
    bytes("getentropy", drawn);
    if (RAND_bytes != NULL && gnutls_rnd != NULL) {
        failed |= RAND_bytes(drawn, sizeof drawn) != 1;
        bytes("RAND_bytes", drawn);
        failed |= gnutls_rnd(0, drawn, sizeof drawn) != 0;
        bytes("gnutls_rnd", drawn);
    }
    int device = open("/dev/urandom", O_RDONLY);
    failed |= read(device, drawn, sizeof drawn) != sizeof drawn;
    bytes("read", drawn);
    close(device);
    FILE *stream = fopen("/dev/random", "r");
    failed |= stream == NULL || fread(drawn, 1, sizeof drawn, stream) != sizeof drawn;
    bytes("fopen", drawn);
    printf("repeated %d\n", repeated());
    /* A descriptor that was the device's is another file's now. */
    int other = open(arguments[0], O_RDONLY);
    failed |= read(other, drawn, 4) != 4 || memcmp(drawn, "\177ELF", 4) != 0;
    printf("same descriptor %d\n", device == other);

    struct timespec now, rising;
    struct timeval then;
    clock_gettime(CLOCK_REALTIME, &now);
    gettimeofday(&then, NULL);
    printf("clock_gettime %lld.%09ld\n", (long long)now.tv_sec, now.tv_nsec);
    printf("gettimeofday %lld.%06ld\n", (long long)then.tv_sec, (long)then.tv_usec);
    printf("time %lld\n", (long long)time(NULL));
    clock_gettime(CLOCK_MONOTONIC, &rising);
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("monotonic rises %d\n", now.tv_sec > rising.tv_sec || now.tv_nsec > rising.tv_nsec);
    fflush(stdout);
    if (count > 1) {
        /* With a line of input the harness has begun another generation. */
        getchar();
        failed |= getrandom(drawn, sizeof drawn, 0) != sizeof drawn;
        bytes("again", drawn);
    }
    return failed;
}

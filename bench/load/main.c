/* A load generator for chat servers over WebSockets: one thread, epoll, no dependency.
 *
 * cc -O2 -o load *.c; ./load --dialect plain --path /%d --port 9100 --connections 100
 *
 * It speaks four dialects of "post a message to a room and hear everybody's":
 *   chat       this project: subscribe to a stream, post with a client_id, be acknowledged
 *   tutorial   Channels' tutorial: one path a room, {"message": …} in and out, no acknowledgement
 *   socketio   Engine.IO 4 over WebSocket; the post is acknowledged by the server's callback
 *   plain      any text that is sent comes to everybody in the path's room
 * and does three kinds of work:
 *   talk       senders keep `window` posts under way each (closed loop), or post at a common `rate`
 *   storm      all but the senders leave, miss some messages, and come back at once
 *   idle       everybody is there, until standard input ends
 *
 * Connection n is in room n modulo `rooms`; the first `senders` send. Everything that is heard is checked
 * (ledger.c). It prints a line of JSON for each stage that it reaches, the last with all figures.
 */
#include "load.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define MAX_KEYS 100000
#define MAX_ROOMS 10000

static const char *DIALECTS[] = {"chat", "tutorial", "socketio", "plain", NULL};
static const char *WORKS[] = {"talk", "storm", "idle", NULL};

struct options options = {.host = "127.0.0.1", .path = "/", .port = 8000, .connections = 100, .rooms = 1,
                          .senders = 4, .window = 16, .connect_window = 64, .sample = 10, .size = 128,
                          .seconds = 5, .warm_up = 1, .patience = 5};

static char **keys;
static long *users, *room_ids;
static int key_count;

void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(2);
}

uint64_t clock_ns(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

/* --- Who they are: only with `--keys` ------------------------------------- */

const char *key_of(int number) {
    return key_count ? keys[options.first + number] : NULL;
}

long user_of(int number) {
    return users[options.first + number];
}

long room_id(int room) {
    return room_ids[room];
}

/* "# rooms <id> …", then "<user> <session> <token>" a line, as `manage.py seed_load` writes it. */
static void read_keys(const char *path) {
    static char line[MAX_ROOMS * 20];
    char token[256];
    long user;
    int rooms = 0;
    FILE *file = fopen(path, "r");
    if (!file) fail("%s: %s", path, strerror(errno));
    keys = calloc(MAX_KEYS, sizeof *keys);
    users = calloc(MAX_KEYS, sizeof *users);
    room_ids = calloc(MAX_ROOMS, sizeof *room_ids);
    while (fgets(line, sizeof line, file)) {
        if (!strncmp(line, "# rooms", 7)) {
            for (char *word = strtok(line + 7, " \n"); word && rooms < MAX_ROOMS; word = strtok(NULL, " \n"))
                room_ids[rooms++] = atol(word);
        } else if (key_count < MAX_KEYS && sscanf(line, "%ld %*s %255s", &user, token) == 2) {
            users[key_count] = user;
            keys[key_count++] = strdup(token);
        }
    }
    fclose(file);
    if (rooms < options.rooms || key_count < options.first + options.connections)
        fail("%s has %d rooms and %d people", path, rooms, key_count);
}

/* --- Options ---------------------------------------------------------------- */

static int choice(const char *name, const char *value, const char **names) {
    for (int i = 0; names[i]; i++)
        if (!strcmp(value, names[i])) return i;
    fail("%s: there is no %s", name, value);
}

static int read_number(const char *name, const char *value) {
    const struct {
        const char *name;
        int *value;
    } numbers[] = {{"--port", &options.port}, {"--connections", &options.connections}, {"--rooms", &options.rooms},
                   {"--senders", &options.senders}, {"--window", &options.window}, {"--sample", &options.sample},
                   {"--connect-window", &options.connect_window}, {"--first", &options.first},
                   {"--size", &options.size}, {"--inbox", &options.inbox}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!strcmp(name, numbers[i].name)) return *numbers[i].value = atoi(value), 1;
    return 0;
}

static void read_option(const char *name, const char *value) {
    if (read_number(name, value)) return;
    if (!strcmp(name, "--host")) options.host = value;
    else if (!strcmp(name, "--path")) options.path = value;
    else if (!strcmp(name, "--keys")) options.keys = value;
    else if (!strcmp(name, "--rate")) options.rate = atof(value);
    else if (!strcmp(name, "--seconds")) options.seconds = atof(value);
    else if (!strcmp(name, "--warm-up")) options.warm_up = atof(value);
    else if (!strcmp(name, "--patience")) options.patience = atof(value);
    else if (!strcmp(name, "--dialect")) options.dialect = (enum dialect)choice(name, value, DIALECTS);
    else if (!strcmp(name, "--work")) options.work = (enum work)choice(name, value, WORKS);
    else fail("there is no option %s", name);
}

static void check_options(void) {
    if (options.window < 1 || options.window >= MAX_UNDER_WAY) fail("--window: 1 to %d", MAX_UNDER_WAY - 1);
    if (options.size < 40 || options.size > 4000) fail("--size: 40 to 4000 characters");
    if (options.rooms < 1 || options.connections < options.rooms) fail("--connections: at least one for each room");
    if (options.senders > options.connections || options.senders > 0xffff) fail("--senders: not more than connections");
    if (options.work == STORM && options.senders != options.rooms) fail("--senders: one stays in each room");
    if (options.dialect == CHAT && !options.keys) fail("--keys: who may come in");
    if (options.keys) read_keys(options.keys);
}

static void raise_descriptor_limit(void) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int count, char **words) {
    if (count % 2 == 0) fail("%s has no value", words[count - 1]);
    for (int i = 1; i < count; i += 2) read_option(words[i], words[i + 1]);
    check_options();
    raise_descriptor_limit();
    open_ledger();
    open_wires();
    run();
    return 0;
}

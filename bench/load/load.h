/* What the files of the load generator share. See main.c for what it is. */
#ifndef LOAD_H
#define LOAD_H

#define _GNU_SOURCE
#include <stddef.h>
#include <stdint.h>

enum dialect { CHAT, TUTORIAL, SOCKETIO, PLAIN };
enum work { TALK, STORM, IDLE };
enum stage { FRESH, CONNECTING, SHAKING, JOINING, READY, AWAY, DEAD };

#define MAX_UNDER_WAY 256 /* posts of one sender, a power of two */

struct post {
    uint64_t at;
    uint32_t id;
};

/* One member: its socket, what is read and written of it, and what it has heard. */
struct connection {
    int fd, number, room, sends, sampled;
    enum stage stage;
    int tries;      /* to come in, this time */
    uint64_t began; /* the first of them */
    char *in, *out;
    size_t in_have, in_space, out_have, out_sent;
    struct post *posts; /* of a sender: a ring of those that await their answer */
    unsigned first, next;
    uint64_t heard, digest; /* messages, and their order */
    long seq;               /* dialect chat: where in the room's stream it stands */
};

struct options {
    const char *host, *path, *keys;
    int port, connections, rooms, senders, window, connect_window, first, sample, size, inbox;
    double rate, seconds, warm_up, patience;
    enum dialect dialect;
    enum work work;
};

struct counts {
    uint64_t posts, acks, deliveries, bytes;      /* within the measured time */
    uint64_t refused, skipped, garbled, resets;   /* ever */
    uint64_t missed, retried;                     /* ever: due to who is away, and tries to come in again */
    uint64_t expected, heard, under_way;          /* ever: deliveries due, and made; answers awaited now */
};

extern struct options options;
extern struct connection *all;
extern struct counts counts;
extern int ready, dead, opening, outside; /* how many of them */
extern uint64_t now_ns;

/* main.c */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
uint64_t clock_ns(void);
const char *key_of(int number);
long user_of(int number);
long room_id(int room);

/* wire.c: sockets and frames */
void open_wires(void);
void open_connection(struct connection *c);
void lose(struct connection *c, enum stage stage);
void turned_away(struct connection *c);
void send_text(struct connection *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void serve(int timeout_ms);

/* dialects.c: what is said over them */
void greet(struct connection *c);
void joined(struct connection *c);
void hear_text(struct connection *c, const char *text, size_t length);
void post(struct connection *c);
void post_more(struct connection *c);

/* ledger.c: what is counted and checked */
#define STAMP_LENGTH 28 /* 8 hex digits of id, 4 of the sender, 16 of the time in ns */
void open_ledger(void);
void measure_between(uint64_t from, uint64_t until);
int is_talking(void);
int is_measured(void);
uint64_t from_hex(const char *digits, int count);
uint32_t write_post(struct connection *c);
void forget_post(struct connection *c);
void answered(struct connection *c, uint32_t up_to);
void answered_first(struct connection *c);
void hear(struct connection *c, const char *stamp);
void note_join(struct connection *c);
int is_quiet(void);
int is_complete(void);
void print_event(const char *name);
void print_report(double back_in);

/* works.c */
void run(void);

#endif

/* The three kinds of work. */
#include "load.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define STALLED_SECONDS 70 /* without anybody more coming in: the system's tries to connect are up to 64 s apart */
#define POSTS_BEFORE 5 /* of each sender, before the others leave */
#define POSTS_MISSED 10
#define AWAY_MS 500

static uint64_t in_seconds(double seconds) {
    return clock_ns() + (uint64_t)(seconds * 1e9);
}

/* Connects all that are not there, some at a time. */
static void open_all(int at_once) {
    uint64_t patience = in_seconds(STALLED_SECONDS);
    int next = 0, had = ready;
    while (ready + dead < options.connections && clock_ns() < patience) {
        for (; outside && opening < at_once; next = (next + 1) % options.connections)
            if (all[next].stage == FRESH || all[next].stage == AWAY) open_connection(&all[next]);
        serve(100);
        if (ready > had) patience = in_seconds(STALLED_SECONDS);
        had = ready;
    }
}

/* Serves until a condition holds, or nothing was heard or answered for a while. */
static void serve_until(int (*holds)(void)) {
    uint64_t patience = in_seconds(options.patience), heard = counts.heard, under_way = counts.under_way;
    while (!holds() && clock_ns() < patience) {
        serve(20);
        if (counts.heard == heard && counts.under_way == under_way) continue;
        heard = counts.heard;
        under_way = counts.under_way;
        patience = in_seconds(options.patience);
    }
}

/* --- Talk --------------------------------------------------------------------- */

/* Open loop: posts whatever is due since `began`, in turn; `sent` are already. */
static void post_due(uint64_t began, uint64_t *sent) {
    uint64_t due = (uint64_t)(options.rate * (double)(now_ns - began) / 1e9);
    for (; *sent < due && is_talking(); ++*sent) {
        struct connection *c = &all[*sent % (uint64_t)options.senders];
        if (c->stage == READY && c->next - c->first < MAX_UNDER_WAY) post(c);
        else counts.skipped++;
    }
}

static void talk(void) {
    uint64_t began = now_ns = clock_ns(), from = began + (uint64_t)(options.warm_up * 1e9), sent = 0;
    int has_begun = 0;
    measure_between(from, from + (uint64_t)(options.seconds * 1e9));
    for (int i = 0; i < options.senders; i++) post_more(&all[i]);
    while (is_talking()) {
        serve(options.rate > 0 ? 1 : 20);
        if (options.rate > 0) post_due(began, &sent);
        if (!has_begun && is_measured()) {
            has_begun = 1;
            print_event("begin");
        }
    }
    print_event("end");
    serve_until(is_complete); /* what is under way arrives, in no figure, but counted */
    print_report(0);
}

/* --- Storm -------------------------------------------------------------------- */

static void post_each(int count) {
    for (int n = 0; n < count; n++)
        for (int i = 0; i < options.senders; i++)
            if (all[i].stage == READY) post(&all[i]);
}

static void storm(void) {
    post_each(POSTS_BEFORE);
    serve_until(is_complete);
    for (int i = options.senders; i < options.connections; i++) lose(&all[i], AWAY);
    for (uint64_t away = in_seconds(AWAY_MS / 1e3); clock_ns() < away;) serve(20);
    post_each(POSTS_MISSED);
    counts.missed = POSTS_MISSED * (uint64_t)(options.connections - options.senders);
    serve_until(is_quiet);
    print_event("begin");
    uint64_t began = now_ns = clock_ns();
    measure_between(began, UINT64_MAX);
    open_all(options.connections);
    double back_in = (double)(clock_ns() - began) / 1e9;
    print_event("end");
    serve_until(options.dialect == CHAT ? is_complete : is_quiet); /* the others replay nothing */
    print_report(back_in);
}

/* --- Idle --------------------------------------------------------------------- */

static void idle(void) {
    char byte;
    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    while (read(STDIN_FILENO, &byte, 1) != 0) serve(200);
    print_report(0);
}

void run(void) {
    open_all(options.connect_window);
    if (ready < options.connections) fail("%d of %d connections are ready", ready, options.connections);
    print_event("ready");
    if (options.work == TALK) talk();
    else if (options.work == STORM) storm();
    else idle();
}

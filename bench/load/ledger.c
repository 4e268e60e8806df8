/* What is counted, and whether everybody heard everything once and in the same order.
 *
 * Each post has a number, unique in a run and rising with time. Of every room the first member is its witness: for
 * it each number must be higher than the last of the same sender, who must be in this room. All other members
 * must have heard as many and in the same order, which a digest over the numbers tells. So a message that is
 * lost, repeated, overtaken or astray at anybody shows, at the price of one multiplication a delivery.
 */
#include "load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define MAX_SAMPLES 4000000
#define PRIME 0x9e3779b97f4a7c15u

struct samples {
    uint32_t *us;
    size_t count;
};

struct counts counts;
static struct samples deliveries, answers, joins;
static uint64_t measured_from, measured_until;
static double cpu_before, cpu_share;
static uint64_t *posted;         /* in each room, what was refused left out */
static uint64_t *members;        /* of each room */
static uint32_t *last, last_id;  /* the witness' last number of each sender; the last of all posts */
static uint64_t astray;          /* what no witness should have heard, or not then */

static struct samples make_samples(void) {
    return (struct samples){.us = calloc(MAX_SAMPLES, sizeof(uint32_t))};
}

void open_ledger(void) {
    deliveries = make_samples();
    answers = make_samples();
    joins = make_samples();
    posted = calloc((size_t)options.rooms, sizeof *posted);
    members = calloc((size_t)options.rooms, sizeof *members);
    last = calloc((size_t)options.senders + 1, sizeof *last);
    for (int i = 0; i < options.connections; i++) members[i % options.rooms]++;
}

/* --- Time ------------------------------------------------------------------- */

void measure_between(uint64_t from, uint64_t until) {
    measured_from = from;
    measured_until = until;
}

int is_talking(void) {
    return now_ns < measured_until;
}

int is_measured(void) {
    return now_ns >= measured_from && now_ns < measured_until;
}

static void note(struct samples *samples, uint64_t began) {
    if (samples->count < MAX_SAMPLES) samples->us[samples->count++] = (uint32_t)((now_ns - began) / 1000);
}

static double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* --- Posts -------------------------------------------------------------------- */

uint32_t write_post(struct connection *c) {
    c->posts[c->next++ & (MAX_UNDER_WAY - 1)] = (struct post){.at = now_ns, .id = ++last_id};
    counts.under_way++;
    if (is_measured()) counts.posts++;
    posted[c->room]++;
    counts.expected += members[c->room];
    return last_id;
}

static struct post take_first(struct connection *c) {
    counts.under_way--;
    return c->posts[c->first++ & (MAX_UNDER_WAY - 1)];
}

/* Refused: nobody will hear it. */
void forget_post(struct connection *c) {
    if (c->first == c->next) return;
    take_first(c);
    posted[c->room]--;
    counts.expected -= members[c->room];
}

/* Answers come in the order of the posts. */
void answered_first(struct connection *c) {
    if (c->first == c->next) return;
    uint64_t at = take_first(c).at;
    if (!is_measured()) return;
    counts.acks++;
    if (at >= measured_from) note(&answers, at);
}

/* Where one's own message coming back is the answer, those before it that did not come are lost. */
void answered(struct connection *c, uint32_t id) {
    while (c->first != c->next && c->posts[c->first & (MAX_UNDER_WAY - 1)].id < id) take_first(c);
    if (c->first != c->next && c->posts[c->first & (MAX_UNDER_WAY - 1)].id == id) answered_first(c);
}

/* --- Deliveries --------------------------------------------------------------- */

uint64_t from_hex(const char *digits, int count) {
    uint64_t value = 0;
    for (int i = 0; i < count; i++) {
        int digit = digits[i];
        value = value << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    return value;
}

static void witness(struct connection *c, const char *stamp) {
    uint64_t id = from_hex(stamp, 8), sender = from_hex(stamp + 8, 4);
    if (sender >= (uint64_t)options.senders || (int)sender % options.rooms != c->room || id <= last[sender]) astray++;
    else last[sender] = (uint32_t)id;
}

void hear(struct connection *c, const char *stamp) {
    uint64_t number;
    memcpy(&number, stamp, sizeof number);
    c->digest = c->digest * PRIME + number;
    c->heard++;
    counts.heard++;
    if (c->number < options.rooms) witness(c, stamp);
    if (!is_measured()) return;
    counts.deliveries++;
    if (!c->sampled) return;
    uint64_t sent_at = from_hex(stamp + 12, 16);
    if (sent_at >= measured_from) note(&deliveries, sent_at);
}

void note_join(struct connection *c) {
    if (is_measured()) note(&joins, c->began);
}

/* Whether all posts are answered. */
int is_quiet(void) {
    return counts.under_way == 0;
}

/* Whether all deliveries were made, too. */
int is_complete(void) {
    return counts.under_way == 0 && counts.heard >= counts.expected;
}

/* --- The report --------------------------------------------------------------- */

/* Begins and ends the measured time, for whoever measures the server. */
void print_event(const char *name) {
    static uint64_t began;
    if (!strcmp(name, "begin")) {
        began = clock_ns();
        cpu_before = cpu_seconds();
    } else if (!strcmp(name, "end")) {
        cpu_share = (cpu_seconds() - cpu_before) / ((double)(clock_ns() - began) / 1e9);
    }
    printf("{\"event\":\"%s\",\"ready\":%d,\"dead\":%d}\n", name, ready, dead);
    fflush(stdout);
}

static int by_size(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void print_samples(const char *name, struct samples *samples) {
    static const double shares[] = {.5, .99, 1};
    double ms[3] = {0};
    qsort(samples->us, samples->count, sizeof *samples->us, by_size);
    for (int i = 0; i < 3 && samples->count; i++) ms[i] = samples->us[(size_t)(shares[i] * (double)(samples->count - 1))] / 1e3;
    printf("\"%s\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f,\"count\":%zu}", name, ms[0], ms[1], ms[2], samples->count);
}

/* How many deliveries were missing, how many too many, and at how many members the order was another. */
static void check(uint64_t *lost, uint64_t *extra, uint64_t *disordered) {
    for (int i = 0; i < options.connections; i++) {
        struct connection *c = &all[i];
        uint64_t due = posted[c->room];
        if (c->heard < due) *lost += due - c->heard;
        else if (c->heard > due) *extra += c->heard - due;
        else if (c->digest != all[c->room].digest) ++*disordered;
    }
}

void print_report(double back_in) {
    uint64_t lost = 0, extra = 0, disordered = 0;
    check(&lost, &extra, &disordered);
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"posts", counts.posts}, {"acks", counts.acks}, {"deliveries", counts.deliveries},
                   {"bytes", counts.bytes}, {"refused", counts.refused}, {"skipped", counts.skipped},
                   {"garbled", counts.garbled}, {"missed", counts.missed}, {"retried", counts.retried},
                   {"resets", counts.resets}, {"unanswered", counts.under_way}, {"posted", last_id - counts.refused},
                   {"expected", counts.expected}, {"heard", counts.heard}, {"lost", lost}, {"extra", extra},
                   {"disordered", disordered}, {"astray", astray}, {"dropped", (uint64_t)dead},
                   {"absent", (uint64_t)(options.connections - ready - dead)}};
    printf("{\"event\":\"report\",\"seconds\":%.6f,\"cpu_share\":%.3f,\"back_in\":%.6f,", options.seconds, cpu_share, back_in);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        printf("\"%s\":%llu,", numbers[i].name, (unsigned long long)numbers[i].value);
    print_samples("delivery_ms", &deliveries);
    putchar(',');
    print_samples("answer_ms", &answers);
    putchar(',');
    print_samples("join_ms", &joins);
    puts("}");
    fflush(stdout);
}

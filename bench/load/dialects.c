/* How a room is joined, how a post and its answer look, in each dialect. */
#include "load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARK '%' /* before the stamp; appears nowhere else in a frame, and means nothing in Markdown */
#define BEGINS(text, length, with) ((length) >= sizeof(with) - 1 && !memcmp(text, with, sizeof(with) - 1))

static char epoch[64]; /* dialect chat: which life of the database a cursor belongs to */

static int acknowledges(void) {
    return options.dialect == CHAT || options.dialect == SOCKETIO;
}

/* --- Joining ---------------------------------------------------------------- */

/* Dialect chat: with the place where it stood, where it was here before. */
static void subscribe(struct connection *c) {
    const char *kind = options.inbox ? "inbox" : "room";
    long id = options.inbox ? user_of(c->number) : room_id(c->room);
    char after[128] = "null";
    if (epoch[0] && c->seq >= 0 && c->heard) snprintf(after, sizeof after, "%ld,\"epoch\":\"%s\"", c->seq, epoch);
    send_text(c, "{\"type\":\"stream.subscribe\",\"ref\":\"s\",\"stream\":\"%s:%ld\",\"after\":%s}", kind, id, after);
}

/* After the handshake. */
void greet(struct connection *c) {
    if (options.dialect == CHAT) subscribe(c);
    else if (options.dialect != SOCKETIO) joined(c); /* Socket.IO's server speaks first */
}

void joined(struct connection *c) {
    if (c->stage != JOINING) return;
    c->stage = READY;
    c->tries = 0;
    opening--;
    ready++;
    note_join(c);
}

static void subscribed(struct connection *c, const char *text, size_t length) {
    const char *found = memmem(text, length, "\"epoch\":\"", 9);
    if (found && !epoch[0]) snprintf(epoch, sizeof epoch, "%.*s", (int)strcspn(found + 9, "\""), found + 9);
    if (memmem(text, length, "\"reset\":true", 12)) counts.resets++;
    joined(c);
}

/* --- Posting ---------------------------------------------------------------- */

/* Plain words, so that a server that renders Markdown has as little to do as with most of what people write. */
static void write_body(struct connection *c, uint32_t id, char *body) {
    static const char words[] = "the quick brown fox jumps over the lazy dog and ";
    int have = sprintf(body, "T%c%08x%04x%016llx ", MARK, id, (unsigned)c->number, (unsigned long long)now_ns);
    for (int i = 0; have < options.size - 1; i++) body[have++] = words[(size_t)i % (sizeof words - 1)];
    body[have++] = 'x'; /* spaces at the end would be cut off */
    body[have] = 0;
}

void post(struct connection *c) {
    char body[4096];
    now_ns = clock_ns();
    uint32_t id = write_post(c);
    write_body(c, id, body);
    switch (options.dialect) {
    case CHAT:
        send_text(c,
                  "{\"type\":\"message.post\",\"ref\":\"p\",\"room\":%ld,"
                  "\"client_id\":\"%08x-%04x-4%03x-8%03x-%012x\",\"body\":\"%s\"}",
                  room_id(c->room), (unsigned)(now_ns >> 16), getpid() & 0xffff, c->number & 0xfff,
                  (c->number >> 12) & 0xfff, id, body);
        break;
    case TUTORIAL: send_text(c, "{\"message\":\"%s\"}", body); break;
    case SOCKETIO: send_text(c, "42%u[\"post\",\"%s\"]", id, body); break;
    case PLAIN: send_text(c, "%s", body); break;
    }
}

/* Closed loop: as many as may be under way. */
void post_more(struct connection *c) {
    if (options.work != TALK || options.rate > 0 || !c->sends || !is_talking()) return;
    while (c->stage == READY && c->next - c->first < (unsigned)options.window) post(c);
}

/* --- Hearing ---------------------------------------------------------------- */

static void delivered(struct connection *c, const char *text, size_t length) {
    const char *mark = memchr(text, MARK, length);
    if (!mark || text + length < mark + 1 + STAMP_LENGTH) {
        counts.garbled++;
        return;
    }
    hear(c, mark + 1);
    if (c->sends && !acknowledges()) { /* one's own message that comes back is the answer */
        if (from_hex(mark + 9, 4) == (uint64_t)c->number) answered(c, (uint32_t)from_hex(mark + 1, 8));
        post_more(c);
    }
}

/* Where the room's stream goes on for this member should it leave. */
static void keep_place(struct connection *c, const char *text, size_t length) {
    const char *found = memmem(text, length < 200 ? length : 200, "\"seq\":", 6);
    if (found) c->seq = atol(found + 6);
}

static void refused(struct connection *c, const char *text, size_t length) {
    if (!counts.refused++) fprintf(stderr, "refused: %.*s\n", (int)(length > 300 ? 300 : length), text);
    if (BEGINS(text, length, "{\"type\":\"error\",\"ref\":\"p\"")) forget_post(c);
    else turned_away(c);
    post_more(c);
}

static void acknowledged(struct connection *c) {
    answered_first(c);
    post_more(c);
}

static void hear_chat(struct connection *c, const char *text, size_t length) {
    if (BEGINS(text, length, "{\"type\":\"message.posted\"")) {
        delivered(c, text, length);
        if (options.work == STORM) keep_place(c, text, length);
    } else if (BEGINS(text, length, "{\"type\":\"ok\",\"ref\":\"p\"")) acknowledged(c);
    else if (BEGINS(text, length, "{\"type\":\"ok\",\"ref\":\"s\"")) subscribed(c, text, length);
    else if (BEGINS(text, length, "{\"type\":\"error\"")) refused(c, text, length);
}

static void hear_socketio(struct connection *c, const char *text, size_t length) {
    if (BEGINS(text, length, "42")) delivered(c, text, length);
    else if (BEGINS(text, length, "43")) acknowledged(c);
    else if (BEGINS(text, length, "40")) joined(c);
    else if (BEGINS(text, length, "0{")) send_text(c, "40");
    else if (BEGINS(text, length, "2")) send_text(c, "3");
}

void hear_text(struct connection *c, const char *text, size_t length) {
    if (options.dialect == CHAT) hear_chat(c, text, length);
    else if (options.dialect == SOCKETIO) hear_socketio(c, text, length);
    else delivered(c, text, length);
}

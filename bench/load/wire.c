/* Sockets and WebSocket frames. What comes in goes to dialects.c. */
#include "load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT 1
#define CLOSE 8
#define PING 9
#define PONG 10
#define MAX_SENT 8192 /* characters of a text */
#define EVENTS 512
#define MAX_TRIES 5

/* Any mask will do: it is there for proxies. */
static const unsigned char MASK[4] = {0x37, 0xfa, 0x21, 0x3d};

struct connection *all;
int ready, dead, opening, outside;
uint64_t now_ns;
static int epoll;

void open_wires(void) {
    epoll = epoll_create1(0);
    all = calloc((size_t)options.connections, sizeof *all);
    outside = options.connections;
    for (int i = 0; i < options.connections; i++) {
        struct connection *c = &all[i];
        c->number = i;
        c->room = i % options.rooms;
        c->sends = i < options.senders;
        c->sampled = options.sample && i % options.sample == 0;
        if (c->sends) c->posts = calloc(MAX_UNDER_WAY, sizeof *c->posts);
    }
}

/* --- Coming and going ------------------------------------------------------- */

static void watch(struct connection *c, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
}

void open_connection(struct connection *c) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};
    int one = 1;
    inet_pton(AF_INET, options.host, &to.sin_addr);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) fail("socket: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->in_have = c->out_have = c->out_sent = 0;
    if (c->tries++ == 0) c->began = clock_ns();
    c->stage = CONNECTING;
    outside--;
    opening++;
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS) fail("connect: %s", strerror(errno));
}

/* Hangs up. `stage` says whether it is gone for good (DEAD) or AWAY. Who was not in yet may try again. */
void lose(struct connection *c, enum stage stage) {
    if (c->stage == DEAD || c->stage == AWAY) return;
    if (c->stage == READY) {
        ready--;
    } else {
        opening--;
        if (c->tries < MAX_TRIES) {
            stage = AWAY;
            counts.retried++;
        }
    }
    if (stage == DEAD) dead++;
    else outside++;
    close(c->fd);
    c->stage = stage; /* the buffers stay: somebody up the stack may still read from them */
}

/* Told not to come in: it doesn't ask again. */
void turned_away(struct connection *c) {
    c->tries = MAX_TRIES;
    lose(c, DEAD);
}

/* --- Writing ------------------------------------------------------------------ */

static void flush(struct connection *c) {
    while (c->out_sent < c->out_have) {
        ssize_t sent = send(c->fd, c->out + c->out_sent, c->out_have - c->out_sent, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN) watch(c, EPOLLIN | EPOLLOUT);
            else lose(c, DEAD);
            return;
        }
        c->out_sent += (size_t)sent;
    }
    free(c->out);
    c->out = NULL;
    c->out_have = c->out_sent = 0;
}

static void write_all(struct connection *c, const char *data, size_t length) {
    c->out = realloc(c->out, c->out_have + length);
    memcpy(c->out + c->out_have, data, length);
    c->out_have += length;
    flush(c);
}

static void send_frame(struct connection *c, int opcode, const char *payload, size_t length) {
    char frame[MAX_SENT + 8];
    size_t head = 2;
    frame[0] = (char)(0x80 | opcode);
    if (length < 126) {
        frame[1] = (char)(0x80 | length);
    } else {
        frame[1] = (char)(0x80 | 126);
        frame[2] = (char)(length >> 8);
        frame[3] = (char)length;
        head = 4;
    }
    memcpy(frame + head, MASK, 4);
    head += 4;
    for (size_t i = 0; i < length; i++) frame[head + i] = (char)(payload[i] ^ MASK[i & 3]);
    write_all(c, frame, head + length);
}

void send_text(struct connection *c, const char *format, ...) {
    char text[MAX_SENT];
    va_list values;
    va_start(values, format);
    int length = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (length < 0 || length >= MAX_SENT) fail("too long to be sent");
    send_frame(c, TEXT, text, (size_t)length);
}

static void shake(struct connection *c) {
    char request[2048], path[512];
    const char *key = key_of(c->number);
    snprintf(path, sizeof path, options.path, c->room + 1);
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s\r\n",
                          path, options.host, options.port, key ? "Authorization: Bearer " : "", key ? key : "",
                          key ? "\r\n" : "");
    c->stage = SHAKING;
    watch(c, EPOLLIN);
    write_all(c, request, (size_t)length);
}

/* --- Reading ------------------------------------------------------------------ */

/* Bytes that were used; 0 where the answer isn't whole. */
static size_t take_handshake(struct connection *c) {
    const char *end = memmem(c->in, c->in_have, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t used = (size_t)(end + 4 - c->in);
    if (c->in_have < 12 || memcmp(c->in, "HTTP/1.1 101", 12)) {
        fprintf(stderr, "refused: %.*s\n", (int)strcspn(c->in, "\r"), c->in);
        turned_away(c);
    } else {
        c->stage = JOINING;
        greet(c);
    }
    return used;
}

/* Bytes that were used; 0 where the frame isn't whole. Servers send no fragments of texts that are as short. */
static size_t take_frame(struct connection *c, const unsigned char *at, size_t have) {
    if (have < 2) return 0;
    uint64_t length = at[1] & 127;
    size_t head = 2;
    if (length >= 126) {
        head = length == 126 ? 4 : 10;
        if (have < head) return 0;
        length = 0;
        for (size_t i = 2; i < head; i++) length = length << 8 | at[i];
    }
    if (have < head + length) return 0;
    const char *payload = (const char *)at + head;
    switch (at[0] & 15) {
    case TEXT: hear_text(c, payload, length); break;
    case PING: send_frame(c, PONG, payload, length); break;
    case CLOSE: lose(c, DEAD); break;
    }
    return head + length;
}

static size_t take_frames(struct connection *c, const char *at, size_t have) {
    size_t used = 0, step;
    while ((c->stage == JOINING || c->stage == READY) &&
           (step = take_frame(c, (const unsigned char *)at + used, have - used)))
        used += step;
    return used;
}

static void keep(struct connection *c, const char *data, size_t length) {
    if (c->in_have + length > c->in_space) {
        c->in_space = (c->in_have + length) * 2;
        c->in = realloc(c->in, c->in_space);
    }
    memcpy(c->in + c->in_have, data, length);
    c->in_have += length;
}

static void receive(struct connection *c) {
    static char buffer[1 << 18];
    ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        lose(c, DEAD);
        return;
    }
    if (is_measured()) counts.bytes += (uint64_t)got;
    if (c->sampled) now_ns = clock_ns();
    size_t used = 0;
    if (c->stage != SHAKING && c->in_have == 0) { /* the common case needs no copy */
        used = take_frames(c, buffer, (size_t)got);
        if (used < (size_t)got) keep(c, buffer + used, (size_t)got - used);
        return;
    }
    keep(c, buffer, (size_t)got);
    if (c->stage == SHAKING) used = take_handshake(c);
    used += take_frames(c, c->in + used, c->in_have - used);
    if (c->stage == DEAD || c->stage == AWAY) return;
    memmove(c->in, c->in + used, c->in_have - used);
    c->in_have -= used;
}

static int is_connected(struct connection *c) {
    return c->stage == SHAKING || c->stage == JOINING || c->stage == READY;
}

static void connected(struct connection *c) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) lose(c, DEAD);
    else shake(c);
}

/* One turn: whatever there is to read and write. */
void serve(int timeout_ms) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, timeout_ms);
    now_ns = clock_ns();
    for (int i = 0; i < count; i++) {
        struct connection *c = events[i].data.ptr;
        if (c->stage == CONNECTING) {
            connected(c);
            continue;
        }
        if (events[i].events & EPOLLOUT && is_connected(c)) {
            watch(c, EPOLLIN);
            flush(c);
        }
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && is_connected(c)) receive(c);
    }
}

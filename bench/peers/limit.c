/* The limit: a chat server that does nothing but copy. One thread, epoll, rooms by path.
 *
 * cc -O2 -o limit limit.c && ./limit PORT [each]
 *
 * What arrives in one read is framed once and written to everybody in the room with one write
 * a socket; with `each`, with one write a message. It stores nothing, checks nothing and drops
 * members whose buffers are full: a bound for what the machine's sockets can do, not a server.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_FD 65536
#define MAX_ROOMS 1024
#define IN_BYTES (1 << 16) /* of a member that are not taken apart yet */
#define TEXT 1
/* To the one key that the load generator sends. */
#define ACCEPT "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

struct member {
    int room, index, is_in;
    unsigned char *in;
    size_t have;
};

static struct member members[MAX_FD]; /* by descriptor */
static int *rooms[MAX_ROOMS], sizes[MAX_ROOMS];
static int writes_each;

static void leave(int fd) {
    struct member *m = &members[fd];
    if (m->is_in) {
        int moved = rooms[m->room][--sizes[m->room]];
        rooms[m->room][m->index] = moved;
        members[moved].index = m->index;
    }
    free(m->in);
    memset(m, 0, sizeof *m);
    close(fd);
}

/* From the last to the first, since who leaves is replaced by the last. */
static void broadcast(int room, const unsigned char *data, size_t length) {
    for (int i = sizes[room] - 1; i >= 0; i--) {
        int fd = rooms[room][i];
        if (send(fd, data, length, MSG_NOSIGNAL) != (ssize_t)length) leave(fd);
    }
}

/* "GET /7 HTTP/1.1 …": into room 7, once the request is whole. A client sends nothing more before the answer. */
static void enter(int fd) {
    struct member *m = &members[fd];
    const char *slash = memchr(m->in, '/', m->have);
    if (!slash || !memmem(m->in, m->have, "\r\n\r\n", 4)) return;
    m->room = atoi(slash + 1) % MAX_ROOMS;
    m->have = 0;
    m->index = sizes[m->room]++;
    rooms[m->room] = realloc(rooms[m->room], (size_t)sizes[m->room] * sizeof(int));
    rooms[m->room][m->index] = fd;
    m->is_in = 1;
    send(fd, ACCEPT, sizeof ACCEPT - 1, MSG_NOSIGNAL);
}

/* Turns a client's masked frame into a server's at `out`; returns the bytes used, 0 where it isn't whole. */
static size_t reframe(const unsigned char *in, size_t have, unsigned char *out, size_t *written) {
    *written = 0;
    if (have < 6) return 0;
    size_t length = in[1] & 127, head = 2;
    if (length == 126) {
        length = (size_t)(in[2] << 8 | in[3]);
        head = 4;
    }
    if (length == 127 || have < head + 4 + length) return 0;
    if ((in[0] & 15) == TEXT) {
        memcpy(out, in, head);
        out[1] &= 127;
        for (size_t i = 0; i < length; i++) out[head + i] = in[head + 4 + i] ^ in[head + (i & 3)];
        *written = head + length;
    }
    return head + 4 + length;
}

static void forward(int fd) {
    static unsigned char out[IN_BYTES];
    struct member *m = &members[fd];
    size_t used = 0, step, written, have = 0;
    int room = m->room;
    while ((step = reframe(m->in + used, m->have - used, out + have, &written))) {
        used += step;
        have += written;
        if (writes_each && have) {
            broadcast(room, out, have);
            have = 0;
        }
        if (!m->is_in) return;
    }
    memmove(m->in, m->in + used, m->have - used);
    m->have -= used;
    if (have) broadcast(room, out, have);
}

static void receive(int fd) {
    struct member *m = &members[fd];
    if (!m->in) m->in = malloc(IN_BYTES);
    ssize_t got = recv(fd, m->in + m->have, IN_BYTES - m->have, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        leave(fd);
        return;
    }
    m->have += (size_t)got;
    if (m->is_in) forward(fd);
    else enter(fd);
}

static void accept_all(int listener, int epoll) {
    struct epoll_event event = {.events = EPOLLIN};
    int one = 1, fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MAX_FD) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        event.data.fd = fd;
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

int main(int count, char **words) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, epoll = epoll_create1(0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[512];
    if (count < 2) return fputs("limit PORT [each]\n", stderr), 2;
    at.sin_port = htons((uint16_t)atoi(words[1]));
    writes_each = count > 2;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 4096)) return perror("limit"), 1;
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(epoll, events, 512, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener) accept_all(listener, epoll);
            else receive(events[i].data.fd);
        }
    }
}

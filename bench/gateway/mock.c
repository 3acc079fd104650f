// An OpenAI-compatible upstream that is cheap enough not to be the limit: one thread, epoll, keep-alive HTTP/1.1.
//
//   mock <port> <chunks> <interval_us>
//
// POST /v1/chat/completions   a fixed JSON answer with usage; or, when the body says "stream":true, <chunks> events of
//                             one token, one each <interval_us>, then finish_reason, usage if asked for, [DONE]
// GET  /stats                 {"requests":…,"streams":…,"chunks":…,"overruns":…,"malformed":…}
// GET  /v1/models             one model, for gateways that probe
//
// Prints "listening <port>" when it accepts connections. Ends on SIGTERM or SIGINT.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FD = 65536, HEAD_LIMIT = 16 * 1024, BODY_LIMIT = 8 * 1024 * 1024, BACKLOG_LIMIT = 1024 * 1024, EVENTS = 512 };

typedef struct Connection {
  int fd;
  char *in;  // what was read and not yet answered
  size_t in_length, in_size;
  char *out;  // what the socket did not take yet
  size_t out_start, out_length, out_size;
  bool wants_write, closes, is_streaming, wants_usage;
  long chunks_left;
  uint64_t due_ns;
  struct Connection *previous, *next;  // the queue of streams, ordered by due_ns
} Connection;

static Connection *connections[MAX_FD];
static Connection *first_stream, *last_stream;
static int epoll_fd;
static long stream_chunks;
static uint64_t interval_ns;
static volatile sig_atomic_t is_ending;
static struct {
  unsigned long requests, streams, chunks, overruns, malformed;
} stats;

static const char ANSWER[] =
    "{\"id\":\"chatcmpl-0123456789abcdef01234567\",\"object\":\"chat.completion\",\"created\":1767225600,"
    "\"model\":\"mock-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"The answer of a "
    "mock is always the same: it is there to be carried from one side to the other, and what it says does not "
    "matter to anyone, as long as its length is that of an ordinary short answer.\",\"refusal\":null,"
    "\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":230,"
    "\"completion_tokens\":40,\"total_tokens\":270,\"prompt_tokens_details\":{\"cached_tokens\":0},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":0}},\"service_tier\":\"default\","
    "\"system_fingerprint\":\"fp_0123456789\"}";
static const char MODELS[] =
    "{\"object\":\"list\",\"data\":[{\"id\":\"mock-model\",\"object\":\"model\",\"created\":1767225600,\"owned_by\":\"mock\"}]}";
#define CHUNK_START \
  "data: {\"id\":\"chatcmpl-0123456789abcdef01234567\",\"object\":\"chat.completion.chunk\",\"created\":1767225600," \
  "\"model\":\"mock-model\",\"system_fingerprint\":\"fp_0123456789\",\"choices\":["
#define CHUNK_END "],\"usage\":null}\n\n"
static const char FIRST_CHUNK[] =
    CHUNK_START "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}" CHUNK_END;
static const char TOKEN_CHUNK[] =
    CHUNK_START "{\"index\":0,\"delta\":{\"content\":\" token\"},\"finish_reason\":null}" CHUNK_END;
static const char LAST_CHUNK[] = CHUNK_START "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}" CHUNK_END;

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void *grow(void *buffer, size_t *size, size_t wanted) {
  if (wanted <= *size) return buffer;
  size_t next = *size ? *size : 4096;
  while (next < wanted) next *= 2;
  buffer = realloc(buffer, next);
  if (!buffer) fail("realloc");
  *size = next;
  return buffer;
}

static void watch(Connection *c, bool wants_write) {
  if (c->wants_write == wants_write) return;
  c->wants_write = wants_write;
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (wants_write ? EPOLLOUT : 0), .data.fd = c->fd};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event) < 0) fail("epoll_ctl");
}

static void leave_queue(Connection *c) {
  if (!c->is_streaming) return;
  c->is_streaming = false;
  *(c->previous ? &c->previous->next : &first_stream) = c->next;
  *(c->next ? &c->next->previous : &last_stream) = c->previous;
  c->previous = c->next = NULL;
}

// The interval is the same for all, so who is served now is due after everyone else.
static void join_queue(Connection *c) {
  c->is_streaming = true;
  c->previous = last_stream;
  c->next = NULL;
  *(last_stream ? &last_stream->next : &first_stream) = c;
  last_stream = c;
}

static void drop(Connection *c) {
  leave_queue(c);
  connections[c->fd] = NULL;
  close(c->fd);
  free(c->in);
  free(c->out);
  free(c);
}

// Sends now what the socket takes and keeps the rest. False when the connection is gone (and freed).
static bool send_bytes(Connection *c, const char *bytes, size_t length) {
  if (c->out_length == 0) {
    ssize_t sent = send(c->fd, bytes, length, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) return drop(c), false;
      sent = 0;
    }
    bytes += sent;
    length -= (size_t)sent;
    if (length == 0) return true;
  }
  if (c->out_length + length > BACKLOG_LIMIT) {
    stats.overruns++;
    return drop(c), false;
  }
  if (c->out_start > 0) memmove(c->out, c->out + c->out_start, c->out_length);
  c->out_start = 0;
  c->out = grow(c->out, &c->out_size, c->out_length + length);
  memcpy(c->out + c->out_length, bytes, length);
  c->out_length += length;
  watch(c, true);
  return true;
}

static bool flush_out(Connection *c) {
  while (c->out_length > 0) {
    ssize_t sent = send(c->fd, c->out + c->out_start, c->out_length, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return true;
      return drop(c), false;
    }
    c->out_start += (size_t)sent;
    c->out_length -= (size_t)sent;
  }
  c->out_start = 0;
  watch(c, false);
  if (c->closes && !c->is_streaming) return drop(c), false;
  return true;
}

static bool end_answer(Connection *c) {
  if (c->closes && c->out_length == 0) return drop(c), false;
  return true;
}

static bool send_json(Connection *c, int status, const char *reason, const char *body) {
  char answer[2048];
  int length = snprintf(answer, sizeof answer, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n%s",
                        status, reason, strlen(body), c->closes ? "Connection: close\r\n" : "", body);
  if (length < 0 || (size_t)length >= sizeof answer) abort();
  return send_bytes(c, answer, (size_t)length) && end_answer(c);
}

static bool send_events(Connection *c, const char *format, ...) {
  char events[4096], framed[4200];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(events, sizeof events, format, arguments);
  va_end(arguments);
  if (length < 0 || (size_t)length >= sizeof events) abort();
  int framed_length = snprintf(framed, sizeof framed, "%x\r\n%s\r\n", (unsigned)length, events);
  return send_bytes(c, framed, (size_t)framed_length);
}

static bool start_stream(Connection *c, bool wants_usage) {
  char head[1024];
  int length = snprintf(head, sizeof head,
                        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nX-Accel-Buffering: no\r\n"
                        "Transfer-Encoding: chunked\r\n%s\r\n%x\r\n%s\r\n",
                        c->closes ? "Connection: close\r\n" : "", (unsigned)strlen(FIRST_CHUNK), FIRST_CHUNK);
  if (length < 0 || (size_t)length >= sizeof head) abort();
  stats.streams++;
  c->chunks_left = stream_chunks;
  c->wants_usage = wants_usage;
  c->due_ns = now_ns() + interval_ns;
  join_queue(c);
  return send_bytes(c, head, (size_t)length);
}

static bool answer_requests(Connection *c);

static bool continue_stream(Connection *c) {
  leave_queue(c);
  if (c->chunks_left > 0) {
    c->chunks_left--;
    stats.chunks++;
    c->due_ns += interval_ns;
    join_queue(c);
    return send_events(c, "%s", TOKEN_CHUNK);
  }
  if (!send_events(c, "%s", LAST_CHUNK)) return false;
  if (c->wants_usage &&
      !send_events(c, CHUNK_START "],\"usage\":{\"prompt_tokens\":230,\"completion_tokens\":%ld,\"total_tokens\":%ld}}\n\n",
                   stream_chunks, 230 + stream_chunks)) {
    return false;
  }
  static const char END[] = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
  _Static_assert(sizeof "data: [DONE]\n\n" - 1 == 0xe, "the length of the last chunk");
  return send_bytes(c, END, sizeof END - 1) && end_answer(c) && answer_requests(c);
}

// The value of a header, or NULL. `head` ends with CRLF CRLF.
static const char *find_header(const char *head, size_t length, const char *name) {
  size_t name_length = strlen(name);
  const char *end = head + length;
  for (const char *line = memchr(head, '\n', length); line && ++line < end; line = memchr(line, '\n', (size_t)(end - line))) {
    if ((size_t)(end - line) <= name_length || line[name_length] != ':') continue;
    if (strncasecmp(line, name, name_length) != 0) continue;
    for (line += name_length + 1; *line == ' ' || *line == '\t';) line++;
    return line;
  }
  return NULL;
}

static bool has_flag(const char *body, size_t length, const char *name) {
  const char *found = memmem(body, length, name, strlen(name));
  if (!found) return false;
  const char *end = body + length;
  for (found += strlen(name); found < end && (*found == ' ' || *found == ':');) found++;
  return end - found >= 4 && memcmp(found, "true", 4) == 0;
}

static bool answer_one(Connection *c, const char *head, size_t head_length, const char *body, size_t body_length) {
  stats.requests++;
  const char *connection = find_header(head, head_length, "connection");
  c->closes = connection && strncasecmp(connection, "close", 5) == 0;
  if (strncmp(head, "POST /v1/chat/completions ", 26) == 0) {
    if (has_flag(body, body_length, "\"stream\"")) return start_stream(c, has_flag(body, body_length, "\"include_usage\""));
    return send_json(c, 200, "OK", ANSWER);
  }
  stats.requests--;
  if (strncmp(head, "GET /stats ", 11) == 0) {
    char text[256];
    snprintf(text, sizeof text, "{\"requests\":%lu,\"streams\":%lu,\"chunks\":%lu,\"overruns\":%lu,\"malformed\":%lu}", stats.requests,
             stats.streams, stats.chunks, stats.overruns, stats.malformed);
    return send_json(c, 200, "OK", text);
  }
  if (strncmp(head, "GET /v1/models ", 15) == 0) return send_json(c, 200, "OK", MODELS);
  return send_json(c, 404, "Not Found", "{\"error\":{\"message\":\"not found\"}}");
}

static bool refuse(Connection *c) {
  stats.malformed++;
  c->closes = true;
  c->in_length = 0;
  return send_json(c, 400, "Bad Request", "{\"error\":{\"message\":\"malformed\"}}");
}

// Answers every whole request in the buffer, in order; a stream holds back those behind it.
static bool answer_requests(Connection *c) {
  size_t at = 0;
  while (at < c->in_length && !c->is_streaming && !c->closes) {
    const char *head = c->in + at;
    size_t available = c->in_length - at;
    const char *blank = memmem(head, available, "\r\n\r\n", 4);
    if (!blank) {
      if (available > HEAD_LIMIT) return refuse(c);
      break;
    }
    size_t head_length = (size_t)(blank - head) + 4, body_length = 0;
    if (find_header(head, head_length, "transfer-encoding")) return refuse(c);
    const char *length = find_header(head, head_length, "content-length");
    if (length) {
      if (*length < '0' || *length > '9') return refuse(c);
      body_length = strtoul(length, NULL, 10);
      if (body_length > BODY_LIMIT) return refuse(c);
    }
    if (available < head_length + body_length) break;
    at += head_length + body_length;
    if (!answer_one(c, head, head_length, head + head_length, body_length)) return false;
  }
  if (at > 0) memmove(c->in, c->in + at, c->in_length - at);
  c->in_length -= at;
  return true;
}

static void read_requests(Connection *c) {
  for (;;) {
    c->in = grow(c->in, &c->in_size, c->in_length + 4096);
    size_t room = c->in_size - c->in_length;
    ssize_t got = recv(c->fd, c->in + c->in_length, room, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) drop(c);
      return;
    }
    if (got == 0) return drop(c);
    c->in_length += (size_t)got;
    if (!answer_requests(c)) return;
    if (c->in_length > HEAD_LIMIT + BODY_LIMIT) return drop(c);
    if ((size_t)got < room) return;
  }
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN || errno == EMFILE) return;
      fail("accept4");
    }
    Connection *c = fd < MAX_FD ? calloc(1, sizeof *c) : NULL;
    if (!c) {
      close(fd);
      continue;
    }
    c->fd = fd;
    connections[fd] = c;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) fail("epoll_ctl");
  }
}

static int listen_on(int port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  socklen_t size = sizeof address;
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 4096) < 0) fail("listen");
  if (getsockname(listener, (struct sockaddr *)&address, &size) < 0) fail("getsockname");
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

static int wait_ms(void) {
  if (!first_stream) return -1;
  uint64_t now = now_ns();
  return first_stream->due_ns <= now ? 0 : (int)((first_stream->due_ns - now + 999999) / 1000000);
}

static void end(int signal_number) {
  (void)signal_number;
  is_ending = 1;
}

int main(int count, char **arguments) {
  if (count != 4) return fprintf(stderr, "usage: mock <port> <chunks> <interval_us>\n"), 2;
  stream_chunks = atol(arguments[2]);
  interval_ns = strtoull(arguments[3], NULL, 10) * 1000;
  signal(SIGTERM, end);
  signal(SIGINT, end);
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  int listener = listen_on(atoi(arguments[1]));
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  if (epoll_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event) < 0) fail("epoll");
  struct epoll_event events[EVENTS];
  while (!is_ending) {
    int ready = epoll_wait(epoll_fd, events, EVENTS, wait_ms());
    if (ready < 0 && errno != EINTR) fail("epoll_wait");
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        accept_all(listener);
        continue;
      }
      Connection *c = connections[fd];
      if (c && events[i].events & (EPOLLERR | EPOLLHUP)) {
        drop(c);
        continue;
      }
      if (c && events[i].events & EPOLLOUT && !flush_out(c)) continue;
      if (c && events[i].events & (EPOLLIN | EPOLLRDHUP)) read_requests(c);
    }
    for (uint64_t now = first_stream ? now_ns() : 0; first_stream && first_stream->due_ns <= now;) continue_stream(first_stream);
  }
  return 0;
}

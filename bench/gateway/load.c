// A load generator for one keep-alive HTTP/1.1 server on loopback: one thread, epoll, a request at a time per connection.
//
//   load --port <n> --path </v1/…> [--body <file>] [--header "name: value"]… [--connections <n>] [--stream]
//        (--seconds <s> [--warmup <s>] | --requests <n>) [--rate <calls/s>] [--status <code>] [--bytes <n>] [--rejects <code>]
//
// Without --rate a connection sends its next request when the answer to the last one is complete (closed loop). With it,
// requests fall due at equal distances and wait for a free connection if need be. Every one of them is made and counted, and
// its latency runs from when it was due, so that a slow server cannot hide by slowing us down. In closed loop, what ends in
// the warm-up or after the time is not counted. Without a byte for 30 s, what is under way counts as timed out. Without a body
// requests are GETs.
//
// Every answer is decoded (Content-Length, chunked, or until close) and checked: the status; its length, against --bytes
// or else against that of the first answer; with --stream that its last event is [DONE]. With --rejects, answers of that status which
// say how many seconds to wait (Retry-After) are counted by themselves, with their own latencies. Anything else is an error. The
// result is one JSON object on stdout; latencies in microseconds; the exit code is 0 even when calls failed: read `errors`.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "histogram.h"

enum { HEAD_LIMIT = 32 * 1024, READ_SIZE = 64 * 1024, EVENTS = 512, ERRORS_LIMIT = 100000, SILENCE_SECONDS = 30 };

typedef enum { HEAD, SIZED, UNTIL_CLOSE, CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_DATA, CHUNK_END, TRAILER } Part;

typedef struct {
  int fd;
  bool is_busy, is_connecting, wants_write, must_close;
  size_t sent;  // of the request
  uint64_t due_ns;
  Part part;
  char head[HEAD_LIMIT];
  size_t head_length;
  int status;
  uint64_t left;        // bytes left of the body or of the chunk
  uint64_t chunk_size;  // while it is being read
  unsigned chunk_digits, trailer_line;
  uint64_t body_bytes, events;
  char tail[16];  // the last bytes of the body
  bool has_body;
} Connection;

static struct {
  int port, connections, status, rejects;
  const char *path, *body_file;
  char headers[4096];
  double seconds, warmup, rate;
  uint64_t requests;
  int64_t bytes;
  bool is_stream;
} options = {.connections = 64, .status = 200, .path = "/", .bytes = -1};

static struct {
  uint64_t connect, broken, malformed, status, length, incomplete, timeout;
} errors;

static Histogram latency, first_byte, rejection;
static Connection *all;
static Connection **idle;
static int idle_count, epoll_fd;
static char *request;
static size_t request_length;
static uint64_t started, completed, rejected, counted_bytes, counted_events, count_from_ns, end_ns, next_due_ns, heard_ns;
static bool is_draining;

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t count_errors(void) {
  return errors.connect + errors.broken + errors.malformed + errors.status + errors.length + errors.incomplete + errors.timeout;
}

static void watch(Connection *c, bool wants_write) {
  if (c->wants_write == wants_write) return;
  c->wants_write = wants_write;
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | (wants_write ? EPOLLOUT : 0), .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event) < 0) fail("epoll_ctl");
}

static void connect_to_server(Connection *c) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) fail("socket");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  // A refusal shows up as an event, like any other that comes later.
  c->is_connecting = connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0;
  if (c->is_connecting && errno != EINPROGRESS) fail("connect");
  c->wants_write = true;
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLOUT, .data.ptr = c};
  if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0) fail("epoll_ctl");
}

static void reset_answer(Connection *c) {
  c->part = HEAD;
  c->head_length = 0;
  c->status = 0;
  c->body_bytes = c->events = 0;
  c->must_close = c->has_body = false;
  memset(c->tail, 0, sizeof c->tail);
}

static void release(Connection *c) {
  c->is_busy = false;
  idle[idle_count++] = c;
}

// Ends the call with an error and takes a new connection for the next.
static void break_off(Connection *c, uint64_t *error) {
  (*error)++;
  if (count_errors() > ERRORS_LIMIT) {
    fprintf(stderr, "load: more than %d errors\n", ERRORS_LIMIT);
    exit(1);
  }
  close(c->fd);
  connect_to_server(c);
  if (c->is_busy) release(c);
}

static void flush_request(Connection *c) {
  while (c->sent < request_length) {
    ssize_t sent = send(c->fd, request + c->sent, request_length - c->sent, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return watch(c, true);
      return break_off(c, &errors.broken);
    }
    c->sent += (size_t)sent;
  }
  watch(c, false);
}

static void start_call(Connection *c, uint64_t due_ns) {
  c->is_busy = true;
  c->due_ns = due_ns;
  c->sent = 0;
  started++;
  reset_answer(c);
  if (!c->is_connecting) flush_request(c);
}

static bool is_over(uint64_t now) {
  if (options.requests) return started >= options.requests;
  return (options.rate > 0 ? next_due_ns : now) >= end_ns;
}

static bool is_counted(const Connection *c, uint64_t now) {
  if (options.requests || options.rate > 0 || options.is_stream) return c->due_ns >= count_from_ns;
  return now >= count_from_ns && now <= end_ns;
}

// Starts the calls that are due on the connections that are free.
static void start_calls(void) {
  uint64_t now = now_ns();
  while (!(is_draining = is_draining || is_over(now)) && idle_count > 0) {
    if (options.rate > 0 && next_due_ns > now) return;
    // A stack, so that a low rate keeps to few connections, as the pools of real clients do.
    Connection *c = idle[--idle_count];
    start_call(c, options.rate > 0 ? next_due_ns : now);
    if (options.rate > 0) next_due_ns += (uint64_t)(1e9 / options.rate);
  }
}

static const char *find_header(const Connection *c, const char *name) {
  size_t name_length = strlen(name);
  const char *end = c->head + c->head_length;
  for (const char *line = memchr(c->head, '\n', c->head_length); line && ++line < end; line = memchr(line, '\n', (size_t)(end - line))) {
    if ((size_t)(end - line) <= name_length || line[name_length] != ':') continue;
    if (strncasecmp(line, name, name_length) != 0) continue;
    for (line += name_length + 1; *line == ' ' || *line == '\t';) line++;
    return line;
  }
  return NULL;
}

static bool is_rejection(const Connection *c) {
  return options.rejects && c->status == options.rejects;
}

// A refusal that does not say when to come again is an error.
static void note_rejection(const Connection *c, uint64_t now) {
  const char *wait = find_header(c, "retry-after");
  if (!wait || *wait < '0' || *wait > '9') errors.status++;
  else if (is_counted(c, now)) {
    rejected++;
    record(&rejection, now - c->due_ns);
  }
}

static void complete(Connection *c) {
  uint64_t now = now_ns();
  bool is_whole = !options.is_stream || memcmp(c->tail + sizeof c->tail - 14, "data: [DONE]\n\n", 14) == 0;
  if (options.bytes < 0 && !options.is_stream && c->status == options.status) options.bytes = (int64_t)c->body_bytes;
  if (is_rejection(c)) note_rejection(c, now);
  else if (c->status != options.status) errors.status++;
  else if (!is_whole) errors.incomplete++;
  else if (options.bytes >= 0 && c->body_bytes != (uint64_t)options.bytes) errors.length++;
  else if (is_counted(c, now)) {
    completed++;
    counted_bytes += c->body_bytes;
    counted_events += c->events;
    record(&latency, now - c->due_ns);
  }
  if (c->must_close) {
    close(c->fd);
    connect_to_server(c);
  }
  release(c);
}

// Reads the head of an answer. False when it is not one.
static bool begin_body(Connection *c) {
  if (c->head_length < 13 || memcmp(c->head, "HTTP/1.1 ", 9) != 0) return false;
  c->status = atoi(c->head + 9);
  if (c->status < 200 || c->status > 599) return false;
  const char *coding = find_header(c, "transfer-encoding"), *length = find_header(c, "content-length");
  const char *connection = find_header(c, "connection");
  c->must_close = connection && strncasecmp(connection, "close", 5) == 0;
  if (coding) {
    if (length || strncasecmp(coding, "chunked\r", 8) != 0) return false;
    c->part = CHUNK_SIZE;
    c->chunk_size = c->chunk_digits = 0;
  } else if (length) {
    char *digits_end;
    c->left = strtoull(length, &digits_end, 10);
    if (*length < '0' || *length > '9' || *digits_end != '\r') return false;
    c->part = SIZED;
  } else {
    c->part = UNTIL_CLOSE;
  }
  return true;
}

static void take_body(Connection *c, const char *bytes, size_t length) {
  if (length == 0) return;
  if (!c->has_body) {
    c->has_body = true;
    if (c->due_ns >= count_from_ns && !is_rejection(c)) record(&first_byte, now_ns() - c->due_ns);
  }
  c->body_bytes += length;
  if (!options.is_stream) return;
  // An event ends with a blank line; its first newline may have come with the piece before.
  char last = c->tail[sizeof c->tail - 1];
  for (const char *at = bytes, *end = bytes + length; (at = memchr(at, '\n', (size_t)(end - at))); at++) {
    if ((at > bytes ? at[-1] : last) == '\n') c->events++;
    if (at + 1 == end) break;
  }
  size_t kept = length < sizeof c->tail ? length : sizeof c->tail;
  memmove(c->tail, c->tail + kept, sizeof c->tail - kept);
  memcpy(c->tail + sizeof c->tail - kept, bytes + length - kept, kept);
}

static int hex_digit(char byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  byte |= 0x20;
  return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

// One byte of the framing between chunks. False when it must not stand there.
static bool take_framing(Connection *c, char byte, bool *is_complete) {
  switch (c->part) {
    case CHUNK_SIZE: {
      int digit = hex_digit(byte);
      if (digit >= 0 && c->chunk_digits < 8) {
        c->chunk_size = c->chunk_size * 16 + (uint64_t)digit;
        c->chunk_digits++;
        return true;
      }
      if (c->chunk_digits == 0 || (byte != '\r' && byte != ';')) return false;
      c->part = CHUNK_EXTENSION;
      return true;
    }
    case CHUNK_EXTENSION:
      if (byte != '\n') return true;
      c->left = c->chunk_size;
      c->part = c->chunk_size == 0 ? TRAILER : CHUNK_DATA;
      c->trailer_line = 0;
      return true;
    case CHUNK_END:
      if (byte == '\r') return true;
      c->part = CHUNK_SIZE;
      c->chunk_size = c->chunk_digits = 0;
      return byte == '\n';
    default:
      if (byte == '\n') *is_complete = c->trailer_line == 0;
      if (byte == '\n') c->trailer_line = 0;
      else if (byte != '\r') c->trailer_line++;
      return true;
  }
}

// Takes what was read. Gives how much of it belongs to this answer, or -1 when it is malformed.
static ssize_t take_answer(Connection *c, const char *bytes, size_t length, bool *is_complete) {
  size_t at = 0;
  while (at < length && !*is_complete) {
    if (c->part == HEAD) {
      if (c->head_length == HEAD_LIMIT) return -1;
      c->head[c->head_length++] = bytes[at++];
      if (c->head_length < 4 || memcmp(c->head + c->head_length - 4, "\r\n\r\n", 4) != 0) continue;
      if (!begin_body(c)) return -1;
      *is_complete = c->part == SIZED && c->left == 0;
    } else if (c->part == SIZED || c->part == CHUNK_DATA) {
      size_t piece = length - at < c->left ? length - at : (size_t)c->left;
      take_body(c, bytes + at, piece);
      at += piece;
      c->left -= piece;
      if (c->left > 0) continue;
      if (c->part == SIZED) *is_complete = true;
      else c->part = CHUNK_END;
    } else if (c->part == UNTIL_CLOSE) {
      take_body(c, bytes + at, length - at);
      at = length;
    } else if (!take_framing(c, bytes[at++], is_complete)) {
      return -1;
    }
  }
  return (ssize_t)at;
}

static void read_answer(Connection *c) {
  static char buffer[READ_SIZE];
  ssize_t got = recv(c->fd, buffer, sizeof buffer, 0);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    return break_off(c, c->is_connecting ? &errors.connect : &errors.broken);
  }
  if (!c->is_busy) {
    // A server may close an idle connection at any time, and say that it does (RFC 9110, 15.5.9); other bytes that nobody asked for are its mistake.
    if (got > 0 && (got < 13 || memcmp(buffer, "HTTP/1.1 408 ", 13) != 0)) return break_off(c, &errors.malformed);
    close(c->fd);
    return connect_to_server(c);
  }
  heard_ns = now_ns();
  if (got == 0) {
    if (c->part != UNTIL_CLOSE) return break_off(c, &errors.broken);
    c->must_close = true;
    return complete(c);
  }
  bool is_complete = false;
  ssize_t taken = take_answer(c, buffer, (size_t)got, &is_complete);
  if (taken < 0 || taken < got || (is_complete && c->sent < request_length)) return break_off(c, &errors.malformed);
  if (is_complete) complete(c);
}

static void handle(Connection *c, uint32_t events) {
  if (c->is_connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) return break_off(c, &errors.connect);
    if (!(events & EPOLLOUT)) return;
    c->is_connecting = false;
  }
  if (events & EPOLLOUT) {
    int fd = c->fd;
    if (c->is_busy) flush_request(c);
    else watch(c, false);
    if (c->fd != fd || c->is_connecting) return;
  }
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) read_answer(c);
}

// Without a body it is a GET.
static void write_get(void) {
  size_t size = sizeof options.headers + 512;
  request = malloc(size);
  if (!request) fail("malloc");
  int length = snprintf(request, size, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\n", options.path, options.port, options.headers);
  if (length < 0 || (size_t)length > size) fail("request");
  request_length = (size_t)length;
}

static void read_request(void) {
  if (!options.body_file) return write_get();
  FILE *file = fopen(options.body_file, "rb");
  if (!file) fail(options.body_file);
  struct stat facts;
  if (fstat(fileno(file), &facts) < 0) fail(options.body_file);
  size_t body_length = (size_t)facts.st_size, size = body_length + sizeof options.headers + 512;
  request = malloc(size);
  if (!request) fail("malloc");
  int head = snprintf(request, size, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%sContent-Length: %zu\r\n\r\n", options.path,
                      options.port, options.headers, body_length);
  if (head < 0 || (size_t)head + body_length > size) fail("request");
  if (fread(request + head, 1, body_length, file) != body_length) fail(options.body_file);
  fclose(file);
  request_length = (size_t)head + body_length;
}

static void read_options(int count, char **arguments) {
  static const struct option names[] = {
      {"port", 1, 0, 'p'},   {"path", 1, 0, 'a'},   {"body", 1, 0, 'b'},     {"header", 1, 0, 'h'}, {"connections", 1, 0, 'c'},
      {"stream", 0, 0, 's'}, {"seconds", 1, 0, 't'}, {"warmup", 1, 0, 'w'},  {"rate", 1, 0, 'r'},   {"requests", 1, 0, 'n'},
      {"status", 1, 0, 'x'}, {"bytes", 1, 0, 'l'},  {"rejects", 1, 0, 'j'}, {0, 0, 0, 0}};
  for (int option; (option = getopt_long(count, arguments, "", names, NULL)) != -1;) {
    size_t used = strlen(options.headers);
    switch (option) {
      case 'p': options.port = atoi(optarg); break;
      case 'a': options.path = optarg; break;
      case 'b': options.body_file = optarg; break;
      case 'h':
        if (used + strlen(optarg) + 3 > sizeof options.headers) fail("--header");
        sprintf(options.headers + used, "%s\r\n", optarg);
        break;
      case 'c': options.connections = atoi(optarg); break;
      case 's': options.is_stream = true; break;
      case 't': options.seconds = atof(optarg); break;
      case 'w': options.warmup = atof(optarg); break;
      case 'r': options.rate = atof(optarg); break;
      case 'n': options.requests = strtoull(optarg, NULL, 10); break;
      case 'x': options.status = atoi(optarg); break;
      case 'l': options.bytes = atoll(optarg); break;
      case 'j': options.rejects = atoi(optarg); break;
      default: exit(2);
    }
  }
  bool has_end = (options.seconds > 0) != (options.requests > 0);
  if (options.port > 0 && options.connections > 0 && has_end) return;
  fprintf(stderr, "load: --port and one of --seconds and --requests are needed\n");
  exit(2);
}

// To the microsecond: a wait of whole milliseconds is an age at 20,000 calls a second.
static struct timespec wait_time(void) {
  uint64_t now = now_ns(), until = now + 1000000000u;
  if (!is_draining && options.rate > 0 && idle_count > 0 && next_due_ns < until) until = next_due_ns;
  if (!is_draining && !options.requests && end_ns < until) until = end_ns;
  uint64_t wait_ns = until > now ? until - now : 0;
  return (struct timespec){.tv_sec = (time_t)(wait_ns / 1000000000u), .tv_nsec = (long)(wait_ns % 1000000000u)};
}

static void print_result(uint64_t finished_ns) {
  double seconds = (double)((options.requests ? finished_ns : end_ns) - count_from_ns) / 1e9;
  printf("{\"connections\":%d,\"seconds\":%.3f,\"started\":%lu,\"completed\":%lu,\"perSecond\":%.1f,\"bytes\":%lu,\"events\":%lu,",
         options.connections, seconds, started, completed, (double)completed / seconds, counted_bytes, counted_events);
  print_histogram("latencyUs", &latency);
  printf(",");
  print_histogram("firstByteUs", &first_byte);
  printf(",\"rejected\":%lu,", rejected);
  print_histogram("rejectionUs", &rejection);
  printf(",\"errorCount\":%lu,\"errors\":{\"connect\":%lu,\"broken\":%lu,\"malformed\":%lu,\"status\":%lu,\"length\":%lu,"
         "\"incomplete\":%lu,\"timeout\":%lu}}\n",
         count_errors(), errors.connect, errors.broken, errors.malformed, errors.status, errors.length, errors.incomplete,
         errors.timeout);
}

int main(int count, char **arguments) {
  read_options(count, arguments);
  read_request();
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  all = calloc((size_t)options.connections, sizeof *all);
  idle = calloc((size_t)options.connections, sizeof(Connection *));
  if (epoll_fd < 0 || !all || !idle) fail("start");
  prctl(PR_SET_TIMERSLACK, 1000ul);
  heard_ns = next_due_ns = now_ns();
  count_from_ns = next_due_ns + (uint64_t)(options.warmup * 1e9);
  end_ns = count_from_ns + (uint64_t)(options.seconds * 1e9);
  for (int i = 0; i < options.connections; i++) {
    connect_to_server(&all[i]);
    idle[idle_count++] = &all[i];
  }
  struct epoll_event events[EVENTS];
  while (now_ns() - heard_ns < SILENCE_SECONDS * 1000000000ull) {
    start_calls();
    if (is_draining && idle_count == options.connections) break;
    struct timespec wait = wait_time();
    int ready = epoll_pwait2(epoll_fd, events, EVENTS, &wait, NULL);
    if (ready < 0 && errno != EINTR) fail("epoll_pwait2");
    for (int i = 0; i < ready; i++) handle(events[i].data.ptr, events[i].events);
  }
  errors.timeout += (uint64_t)(options.connections - idle_count);
  print_result(now_ns());
  return 0;
}

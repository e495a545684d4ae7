// The connection to the broker, which runs in a Linux process: one TCP socket on loopback, used on the thread that made the
// control and on no other, so that events are fired where COM expects them. tests/ocx/frames.py describes the frames.
#pragma once
#include "basics.h"

enum Kind : char { CALL = 'C', RESULT = 'R', EVENT = 'E', DONE = 'D' };

static void put_number(Bytes &out, ULONG number) { out.append((const char *)&number, 4); }

static void put_text(Bytes &out, const Text &text) {
  put_number(out, text.size() * 2);
  out.append((const char *)text.data(), text.size() * 2);
}

struct Reader {
  const char *at, *end;
  explicit Reader(const Bytes &bytes) : at(bytes.data()), end(bytes.data() + bytes.size()) {}
  ULONG number() {
    ULONG found = 0;
    if (end - at >= 4) memcpy(&found, at, 4), at += 4;
    return found;
  }
  unsigned char byte() { return at < end ? (unsigned char)*at++ : 0; }
  Bytes name() { return bytes(byte()); }
  Text text() {
    Bytes raw = bytes(number());
    Text found(raw.size() / 2, 0);
    memcpy(&found[0], raw.data(), raw.size());
    return found;
  }
  Bytes bytes(size_t count) {
    if (count > size_t(end - at)) count = end - at;
    Bytes found(at, count);
    at += count;
    return found;
  }
};

struct Frame {
  char kind;
  ULONG id;
  Bytes rest;
};

struct Link {
  SOCKET socket = INVALID_SOCKET;
  bool broken = false;
  std::deque<Frame> frames;

  ~Link() {
    if (socket != INVALID_SOCKET) closesocket(socket);
  }

  bool up() const { return socket != INVALID_SOCKET && !broken; }

  // Connects to the port in KOALAB_BROKER_PORT; from then on `message` is posted to `window` when something has come.
  bool open(HWND window, UINT message) {
    WSADATA data;
    WSAStartup(0x202, &data);
    char port[16] = {0};
    if (!GetEnvironmentVariableA("KOALAB_BROKER_PORT", port, sizeof port - 1)) return false;
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(atoi(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socket = ::socket(AF_INET, SOCK_STREAM, 0);
    if (connect(socket, (sockaddr *)&address, sizeof address)) {
      closesocket(socket);
      socket = INVALID_SOCKET;
      return false;
    }
    int one = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, (char *)&one, sizeof one);
    return !WSAAsyncSelect(socket, window, message, FD_READ | FD_CLOSE);  // makes it non-blocking too
  }

  void send(char kind, ULONG id, const Bytes &rest) {
    Bytes frame;
    put_number(frame, 5 + rest.size());
    frame += kind;
    put_number(frame, id);
    frame += rest;
    for (size_t sent = 0; sent < frame.size() && up();) {
      int count = ::send(socket, frame.data() + sent, frame.size() - sent, 0);
      if (count > 0) sent += count;
      else if (WSAGetLastError() == WSAEWOULDBLOCK) wait(true);
      else broken = true;
    }
  }

  // Reads what has come; with `block` waits until there is a frame.
  void read(bool block) {
    static char part[1 << 16];
    while (up()) {
      int count = recv(socket, part, sizeof part, 0);
      if (count > 0) {
        unread.append(part, count);
        split();
        if (block ? !frames.empty() : count < (int)sizeof part) return;
      } else if (count == 0) {
        broken = true;
      } else if (WSAGetLastError() == WSAEWOULDBLOCK) {
        if (!block || !frames.empty()) return;
        wait(false);
      } else {
        broken = true;
      }
    }
  }

 private:
  Bytes unread;
  size_t begin = 0;

  void wait(bool to_write) {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(socket, &set);
    select(0, to_write ? nullptr : &set, to_write ? &set : nullptr, nullptr, nullptr);
  }

  void split() {
    ULONG length;
    while (unread.size() - begin >= 4) {
      memcpy(&length, &unread[begin], 4);
      if (unread.size() - begin - 4 < length) break;
      Frame frame;
      frame.kind = unread[begin + 4];
      memcpy(&frame.id, &unread[begin + 5], 4);
      frame.rest.assign(unread, begin + 9, length - 5);
      frames.push_back(std::move(frame));
      begin += 4 + length;
    }
    if (begin == unread.size()) unread.clear(), begin = 0;
    else if (begin > (1 << 20)) unread.erase(0, begin), begin = 0;
  }
};

// The control: its parts, and when it fires what the broker sends.
//
// An event that the broker fired inside a call is fired before the call returns; every other one waits for the message
// loop, as those of Kiwoom's control do.
#pragma once
#include "functions.inc"
#include "interfaces.h"
#include "link.h"

enum { FRAMES_CAME = WM_APP + 1, EVENTS_WAIT = WM_APP + 2 };
static const int EVENTS_IN_A_TURN = 200;
static const LONG CONNECTION_CLOSED = -106;

struct Control {
  Functions functions;
  EventPoint events;
  EventPointContainer event_container;
  ClassInfo class_info;
  OleObject ole_object;
  Persistence persistence;
  Link link;
  LONG references = 1;
  DWORD thread = GetCurrentThreadId();
  ULONG handling = 0;  // the event whose handler runs now
  ULONG invocations = 0, fired = 0;  // calls and events so far

  Control() {
    functions.control = events.control = event_container.control = this;
    class_info.control = ole_object.control = persistence.control = this;
    InterlockedIncrement(&living_objects);
    WNDCLASSW kind = {};
    kind.lpfnWndProc = on_message;
    kind.hInstance = library_instance;
    kind.lpszClassName = L"KoalabTestControl";
    RegisterClassW(&kind);
    window = CreateWindowW(kind.lpszClassName, L"", 0, 0, 0, 0, 0, HWND_MESSAGE, nullptr, library_instance, nullptr);
    SetWindowLongPtrW(window, GWLP_USERDATA, (LONG_PTR)this);
    link.open(window, FRAMES_CAME);
  }

  ~Control() {
    for (auto &sink : events.sinks) sink.second->Release();
    SetWindowLongPtrW(window, GWLP_USERDATA, 0);
    DestroyWindow(window);
    InterlockedDecrement(&living_objects);
  }

  // Calls the broker; false where it is gone.
  bool call(const Bytes &request, Bytes &answer) {
    ULONG id = ++calls;
    link.send(CALL, id, request);
    for (;;) {
      auto found = results.find(id);
      if (found != results.end()) {
        answer = std::move(found->second);
        results.erase(found);
        // No message comes for bytes that have been read already.
        if (!link.frames.empty() || !waiting.empty()) wake();
        return true;
      }
      if (link.frames.empty()) {
        if (!link.up()) return wake(), false;
        link.read(true);
        continue;
      }
      Frame frame = next_frame();
      if (frame.kind == RESULT) results[frame.id] = std::move(frame.rest);
      else if (Reader(frame.rest).number()) fire(frame);
      else waiting.push_back(std::move(frame));
    }
  }

  HRESULT query(REFIID iid, void **out) {
    IUnknown *found = nullptr;
    if (iid == IID_IUnknown || iid == IID_IDispatch || iid == DIID_FUNCTIONS) found = &functions;
    else if (iid == IID_IConnectionPointContainer) found = &event_container;
    else if (iid == IID_IProvideClassInfo || iid == IID_IProvideClassInfo2) found = &class_info;
    else if (iid == IID_IOleObject) found = &ole_object;
    else if (iid == IID_IPersistStreamInit || iid == IID_IPersist) found = &persistence;
    *out = found;
    return found ? (found->AddRef(), S_OK) : E_NOINTERFACE;
  }

 private:
  HWND window;
  ULONG calls = 0;
  std::map<ULONG, Bytes> results;  // of calls further out
  std::deque<Frame> waiting;       // events for the message loop
  bool woken = false, said_broken = false;

  static LRESULT CALLBACK on_message(HWND window, UINT message, WPARAM first, LPARAM second) {
    auto control = (Control *)GetWindowLongPtrW(window, GWLP_USERDATA);
    if (!control || (message != FRAMES_CAME && message != EVENTS_WAIT))
      return DefWindowProcW(window, message, first, second);
    control->functions.AddRef();
    if (message == EVENTS_WAIT) control->woken = false;
    control->link.read(false);
    control->turn();
    control->functions.Release();
    return 0;
  }

  void wake() {
    if (!woken) woken = true, PostMessageW(window, EVENTS_WAIT, 0, 0);
  }

  Frame next_frame() {
    Frame frame = std::move(link.frames.front());
    link.frames.pop_front();
    return frame;
  }

  void turn() {
    while (!link.frames.empty()) {
      Frame frame = next_frame();
      if (frame.kind == RESULT) results[frame.id] = std::move(frame.rest);
      else waiting.push_back(std::move(frame));
    }
    for (int count = 0; count < EVENTS_IN_A_TURN && !waiting.empty(); count++) {
      Frame frame = std::move(waiting.front());
      waiting.pop_front();
      fire(frame);
    }
    if (!waiting.empty()) wake();
    else if (link.broken && !said_broken) {
      said_broken = true;
      VARIANT code = variant_of(CONNECTION_CLOSED);
      invoke(event_id("OnEventConnect"), &code, 1);
    }
  }

  void fire(const Frame &frame) {
    Reader reader(frame.rest);
    reader.number();  // the call inside which it was fired
    DISPID id = event_id(reader.name());
    std::vector<VARIANT> arguments(reader.byte());
    for (size_t place = arguments.size(); place-- > 0;)  // COM wants them last first
      arguments[place] = reader.byte() == 'i' ? variant_of((LONG)reader.number()) : variant_of(reader.text());
    ULONG before = handling;
    handling = frame.id;
    fired++;
    invoke(id, arguments.data(), arguments.size());
    handling = before;
    for (auto &argument : arguments) VariantClear(&argument);
    link.send(DONE, frame.id, Bytes());
  }

  static DISPID event_id(const Bytes &name) {
    for (DISPID id = 1; id < DISPID(sizeof EVENTS / sizeof *EVENTS); id++)
      if (name == EVENTS[id]) return id;
    return 0;
  }

  void invoke(DISPID id, VARIANT *arguments, UINT count) {
    if (!id) return;  // an event that this control lacks
    DISPPARAMS parameters = {arguments, nullptr, count, 0};
    auto sinks = events.sinks;  // a handler may connect and disconnect
    for (auto &sink : sinks) sink.second->AddRef();
    for (auto &sink : sinks) {
      sink.second->Invoke(id, IID_NULL, LOCALE_USER_DEFAULT, DISPATCH_METHOD, &parameters, nullptr, nullptr, nullptr);
      sink.second->Release();
    }
  }
};

template <class I> ULONG Part<I>::AddRef() { return InterlockedIncrement(&control->references); }
template <class I> ULONG Part<I>::Release() {
  ULONG left = InterlockedDecrement(&control->references);
  if (!left) delete control;
  return left;
}
template <class I> HRESULT Part<I>::QueryInterface(REFIID iid, void **out) { return control->query(iid, out); }

HRESULT EventPoint::GetConnectionPointContainer(IConnectionPointContainer **out) {
  return control->query(IID_IConnectionPointContainer, (void **)out);
}
HRESULT EventPointContainer::EnumConnectionPoints(IEnumConnectionPoints **out) {
  return *out = new EventPoints(&control->events), S_OK;
}
HRESULT EventPointContainer::FindConnectionPoint(REFIID iid, IConnectionPoint **out) {
  if (iid != DIID_EVENTS) return *out = nullptr, CONNECT_E_NOCONNECTION;
  return *out = &control->events, (*out)->AddRef(), S_OK;
}

// What a broker cannot do and a control can, for tests of the host: KOA_Functions("__pump", a file) and the like.
#pragma once
#include "control.h"

static HRESULT raise(EXCEPINFO *exception, const Text &description) {
  if (exception) {
    memset(exception, 0, sizeof *exception);
    exception->wCode = 1001;
    exception->bstrSource = SysAllocString(L"KHOpenAPI");
    exception->bstrDescription = SysAllocString(description.c_str());
  }
  return DISP_E_EXCEPTION;
}

// A file that is made when a hook begins and is taken away by the test when it shall end.
struct Held {
  const Text &path;
  explicit Held(const Text &file) : path(file) {
    HANDLE made = CreateFileW(path.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (made != INVALID_HANDLE_VALUE) CloseHandle(made);
  }
  bool held() const { return GetFileAttributesW(path.c_str()) != INVALID_FILE_ATTRIBUTES; }
};

// Works off messages while the file is there, as a box that the control opens does; which calls and events came inside.
static Text pump(Control &control, const Text &file) {
  ULONG calls = control.invocations, events = control.fired;
  Held box(file);
  MSG message;
  while (box.held()) {
    while (PeekMessageW(&message, nullptr, 0, 0, PM_REMOVE)) {
      TranslateMessage(&message);
      DispatchMessageW(&message);
    }
    MsgWaitForMultipleObjects(0, nullptr, FALSE, 20, QS_ALLINPUT);
  }
  return std::to_wstring(control.invocations - calls) + L" calls, " +
         std::to_wstring(control.fired - events) + L" events";
}

static bool is_hook(const char *function, const std::vector<Text> &texts) {
  return !strcmp(function, "KOA_Functions") && texts.size() == 2 && texts[0].compare(0, 2, L"__") == 0;
}

// Does nothing while the file is there.
static Text hold(const Text &file) {
  for (Held held(file); held.held();) Sleep(10);
  return L"held";
}

static HRESULT run_hook(Control &control, const Text &hook, const Text &how, VARIANT *result, EXCEPINFO *exception) {
  Text answer;
  if (hook == L"__pump") answer = pump(control, how);
  else if (hook == L"__hold") answer = hold(how);
  else if (hook == L"__hresult") return (HRESULT)wcstoul(how.c_str(), nullptr, 16);
  else if (hook == L"__exception") return raise(exception, how);
  else if (hook == L"__references") answer = std::to_wstring(control.references);
  else if (hook == L"__crash") *(volatile int *)0 = 1;
  if (result) *result = variant_of(answer);
  return S_OK;
}

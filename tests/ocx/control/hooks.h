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

// Works off messages, as a box that the control opens does, until the test takes away the file that is made at the
// begin; which calls and events came inside.
static Text pump(Control &control, const Text &file) {
  ULONG calls = control.invocations, events = control.fired;
  HANDLE made = CreateFileW(file.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (made != INVALID_HANDLE_VALUE) CloseHandle(made);
  MSG message;
  while (GetFileAttributesW(file.c_str()) != INVALID_FILE_ATTRIBUTES) {
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

static HRESULT run_hook(Control &control, const Text &hook, const Text &how, VARIANT *result, EXCEPINFO *exception) {
  Text answer;
  if (hook == L"__pump") answer = pump(control, how);
  else if (hook == L"__hresult") return (HRESULT)wcstoul(how.c_str(), nullptr, 16);
  else if (hook == L"__exception") return raise(exception, how);
  else if (hook == L"__references") answer = std::to_wstring(control.references);
  else if (hook == L"__crash") *(volatile int *)0 = 1;
  if (result) *result = variant_of(answer);
  return S_OK;
}

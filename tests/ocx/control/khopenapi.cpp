// A control in the place of Kiwoom's, for tests: the same ProgID, identifiers, functions and events, and a simulated broker
// behind it in another process.
#include "basics.h"
#include "control.h"
#include "dispatch.h"

struct Factory : IClassFactory {
  METHOD(ULONG) AddRef() override { return 2; }
  METHOD(ULONG) Release() override { return 1; }
  METHOD(HRESULT) QueryInterface(REFIID iid, void **out) override {
    if (iid != IID_IUnknown && iid != IID_IClassFactory) return *out = nullptr, E_NOINTERFACE;
    return *out = this, S_OK;
  }
  // Fails where there is no broker, so that a host meets a control that is registered and cannot be created.
  METHOD(HRESULT) CreateInstance(IUnknown *outer, REFIID iid, void **out) override {
    *out = nullptr;
    if (outer) return CLASS_E_NOAGGREGATION;
    auto control = new Control;
    HRESULT result = control->link.up() ? control->query(iid, out) : E_FAIL;
    control->functions.Release();
    return result;
  }
  METHOD(HRESULT) LockServer(BOOL lock) override {
    lock ? InterlockedIncrement(&living_objects) : InterlockedDecrement(&living_objects);
    return S_OK;
  }
} static factory;

static void set_key(const Text &key, const wchar_t *name, const Text &value) {
  RegSetKeyValueW(HKEY_CLASSES_ROOT, key.c_str(), name, REG_SZ, value.c_str(), (value.size() + 1) * sizeof(wchar_t));
}

static const Text CLASS_KEY = Text(L"CLSID\\") + CONTROL_CLSID;

extern "C" {
BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID) {
  if (reason == DLL_PROCESS_ATTACH) library_instance = instance, DisableThreadLibraryCalls(instance);
  return TRUE;
}

STDAPI DllGetClassObject(REFCLSID clsid, REFIID iid, void **out) {
  return clsid == CLSID_CONTROL ? factory.QueryInterface(iid, out) : CLASS_E_CLASSNOTAVAILABLE;
}

STDAPI DllCanUnloadNow() { return living_objects ? S_FALSE : S_OK; }

STDAPI DllRegisterServer() {
  Text path = library_path();
  ITypeLib *library = type_library();
  if (!library || FAILED(RegisterTypeLib(library, path.data(), nullptr))) return SELFREG_E_TYPELIB;
  set_key(CLASS_KEY, nullptr, L"KHOpenAPI Control");
  set_key(CLASS_KEY + L"\\InprocServer32", nullptr, path);
  set_key(CLASS_KEY + L"\\InprocServer32", L"ThreadingModel", L"Apartment");
  set_key(CLASS_KEY + L"\\ProgID", nullptr, PROG_ID);
  set_key(CLASS_KEY + L"\\TypeLib", nullptr, LIBRARY_ID);
  set_key(CLASS_KEY + L"\\Version", nullptr, L"1.2");
  set_key(CLASS_KEY + L"\\Control", nullptr, L"");
  set_key(CLASS_KEY + L"\\MiscStatus", nullptr, L"0");
  set_key(PROG_ID, nullptr, L"KHOpenAPI Control");
  set_key(Text(PROG_ID) + L"\\CLSID", nullptr, CONTROL_CLSID);
  return S_OK;
}

STDAPI DllUnregisterServer() {
  RegDeleteTreeW(HKEY_CLASSES_ROOT, CLASS_KEY.c_str());
  RegDeleteTreeW(HKEY_CLASSES_ROOT, PROG_ID);
  UnRegisterTypeLib(LIBID_CONTROL, 1, 2, 0, SYS_WIN32);
  return S_OK;
}
}

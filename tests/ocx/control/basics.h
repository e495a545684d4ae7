// What all parts share: Windows' headers, the control's identifiers, its type library and VARIANTs.
#pragma once
#define UNICODE
#define _UNICODE
#include <winsock2.h>
#include <windows.h>
#include <ole2.h>
#include <olectl.h>
#include <string.h>
#include <deque>
#include <map>
#include <string>
#include <vector>

typedef std::wstring Text;
typedef std::string Bytes;

// The identifiers of Kiwoom's control, so that a program finds this one in its place.
#define PROG_ID L"KHOPENAPI.KHOpenAPICtrl.1"
#define CONTROL_CLSID L"{A1574A0D-6BFA-4BD7-9020-DED88711818D}"
#define LIBRARY_ID L"{6D8C2B4D-EF41-4750-8AD4-C299033833FB}"
static const CLSID CLSID_CONTROL = {0xA1574A0D, 0x6BFA, 0x4BD7, {0x90, 0x20, 0xDE, 0xD8, 0x87, 0x11, 0x81, 0x8D}};
static const IID DIID_FUNCTIONS = {0xCF20FBB6, 0xEDD4, 0x4BE5, {0xA4, 0x73, 0xFE, 0xF9, 0x19, 0x77, 0xDE, 0xB6}};
static const IID DIID_EVENTS = {0x7335F12D, 0x8973, 0x4BD5, {0xB7, 0xF0, 0x12, 0xDF, 0x03, 0xD1, 0x75, 0xB7}};
static const GUID LIBID_CONTROL = {0x6D8C2B4D, 0xEF41, 0x4750, {0x8A, 0xD4, 0xC2, 0x99, 0x03, 0x38, 0x33, 0xFB}};

static HINSTANCE library_instance;
static LONG living_objects;

static Text library_path() {
  wchar_t path[MAX_PATH];
  GetModuleFileNameW(library_instance, path, MAX_PATH);
  return path;
}

// The type library in this file's resources; null where it cannot be read.
static ITypeLib *type_library() {
  static ITypeLib *found;
  if (!found && FAILED(LoadTypeLib(library_path().c_str(), &found))) found = nullptr;
  return found;
}

static HRESULT type_info(REFGUID of, ITypeInfo **out) {
  ITypeLib *library = type_library();
  return library ? library->GetTypeInfoOfGuid(of, out) : E_FAIL;
}

static VARIANT variant_of(const Text &text) {
  VARIANT value;
  VariantInit(&value);
  value.vt = VT_BSTR;
  value.bstrVal = SysAllocStringLen(text.c_str(), text.size());
  return value;
}

static VARIANT variant_of(LONG number) {
  VARIANT value;
  VariantInit(&value);
  value.vt = VT_I4;
  value.lVal = number;
  return value;
}

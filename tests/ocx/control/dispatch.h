// A function call: checked as MFC checks it, forwarded to the broker, and its answer as a VARIANT.
#pragma once
#include "control.h"
#include "hooks.h"

// The array of GetCommDataEx. KOALAB_TABLE gives it another shape: "bstr" an array of BSTRs, "none" no array.
static VARIANT variant_of_table(Reader &reader) {
  VARIANT value;
  VariantInit(&value);
  wchar_t shape[16] = {0};
  GetEnvironmentVariableW(L"KOALAB_TABLE", shape, 15);
  if (!wcscmp(shape, L"none")) return value;
  VARTYPE of = wcscmp(shape, L"bstr") ? VT_VARIANT : VT_BSTR;
  ULONG rows = reader.number(), columns = reader.number();
  Text cells = reader.text();
  SAFEARRAYBOUND bounds[2] = {{rows, 0}, {columns, 0}};
  SAFEARRAY *array = SafeArrayCreate(of, 2, bounds);
  if (!array) return value;
  void *data;
  SafeArrayAccessData(array, &data);
  size_t begin = 0;
  for (ULONG row = 0; row < rows; row++)
    for (ULONG column = 0; column < columns; column++) {
      size_t end = std::min(cells.find(L'\0', begin), cells.size());
      BSTR cell = SysAllocStringLen(cells.data() + begin, end - begin);
      ULONG place = column * rows + row;  // the first index runs fastest
      if (of == VT_BSTR) ((BSTR *)data)[place] = cell;
      else ((VARIANT *)data)[place].vt = VT_BSTR, ((VARIANT *)data)[place].bstrVal = cell;
      begin = std::min(end + 1, cells.size());
    }
  SafeArrayUnaccessData(array);
  value.vt = VT_ARRAY | of;
  value.parray = array;
  return value;
}

HRESULT Functions::Invoke(DISPID id, REFIID, LCID, WORD flags, DISPPARAMS *given, VARIANT *result, EXCEPINFO *exception,
                          UINT *wrong) {
  static const DISPID ABOUT_BOX = -552;
  if (!(flags & DISPATCH_METHOD)) return DISP_E_MEMBERNOTFOUND;
  if (GetCurrentThreadId() != control->thread) return RPC_E_WRONG_THREAD;
  if (id == ABOUT_BOX) return S_OK;
  control->invocations++;
  if (id < 1 || id >= DISPID(sizeof FUNCTIONS / sizeof *FUNCTIONS)) return DISP_E_MEMBERNOTFOUND;
  const FunctionRow &function = FUNCTIONS[id];
  UINT count = strlen(function.arguments);
  if (given->cArgs != count) return DISP_E_BADPARAMCOUNT;
  Bytes request;
  put_number(request, control->handling);
  request += (char)strlen(function.name);
  request += function.name;
  request += (char)count;
  std::vector<Text> texts;
  for (UINT number = 0; number < count; number++) {
    UINT place = count - 1 - number;  // they come last first
    bool whole = function.arguments[number] == 'i';
    VARIANT value;
    VariantInit(&value);
    if (FAILED(VariantChangeType(&value, &given->rgvarg[place], 0, whole ? VT_I4 : VT_BSTR))) {
      if (wrong) *wrong = place;
      return DISP_E_TYPEMISMATCH;
    }
    request += whole ? 'i' : 's';
    if (whole) {
      put_number(request, value.lVal);
    } else {
      texts.push_back(value.bstrVal ? Text(value.bstrVal, SysStringLen(value.bstrVal)) : Text());
      put_text(request, texts.back());
      VariantClear(&value);
    }
  }
  if (is_hook(function.name, texts)) return run_hook(*control, texts[0], texts[1], result, exception);

  AddRef();  // a handler may let go of the control
  Bytes answer;
  bool there = control->call(request, answer);
  Release();
  if (!there) return raise(exception, L"the broker is gone");
  Reader reader(answer);
  VARIANT value;
  VariantInit(&value);
  switch (reader.byte()) {
    case 'i': value = variant_of((LONG)reader.number()); break;
    case 's': value = variant_of(reader.text()); break;
    case 't': value = variant_of_table(reader); break;
    case 'x': return raise(exception, reader.text());
  }
  if (result) *result = value;
  else VariantClear(&value);
  return S_OK;
}

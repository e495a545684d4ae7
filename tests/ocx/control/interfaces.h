// The COM interfaces of an ActiveX control without a window, as MFC gives Kiwoom's: functions by IDispatch, events by one
// connection point, class information, and as much of an OLE object as a container asks for.
#pragma once
#include "basics.h"

#define METHOD(result) result STDMETHODCALLTYPE

struct Control;

// An interface that is a part of the control and shares its count of references.
template <class Interface> struct Part : Interface {
  Control *control;
  METHOD(ULONG) AddRef() override;
  METHOD(ULONG) Release() override;
  METHOD(HRESULT) QueryInterface(REFIID iid, void **out) override;
};

struct Functions : Part<IDispatch> {
  METHOD(HRESULT) GetTypeInfoCount(UINT *count) override { return *count = 1, S_OK; }
  METHOD(HRESULT) GetTypeInfo(UINT, LCID, ITypeInfo **out) override { return type_info(DIID_FUNCTIONS, out); }
  METHOD(HRESULT) GetIDsOfNames(REFIID, LPOLESTR *names, UINT count, LCID, DISPID *ids) override {
    ITypeInfo *info;
    HRESULT result = type_info(DIID_FUNCTIONS, &info);
    if (FAILED(result)) return result;
    result = info->GetIDsOfNames(names, count, ids);
    info->Release();
    return result;
  }
  METHOD(HRESULT) Invoke(DISPID, REFIID, LCID, WORD, DISPPARAMS *, VARIANT *, EXCEPINFO *, UINT *) override;
};

struct EventPoint : Part<IConnectionPoint> {
  std::map<DWORD, IDispatch *> sinks;
  DWORD next = 1;
  METHOD(HRESULT) QueryInterface(REFIID iid, void **out) override {
    if (iid != IID_IUnknown && iid != IID_IConnectionPoint) return *out = nullptr, E_NOINTERFACE;
    return *out = this, AddRef(), S_OK;
  }
  METHOD(HRESULT) GetConnectionInterface(IID *iid) override { return *iid = DIID_EVENTS, S_OK; }
  METHOD(HRESULT) GetConnectionPointContainer(IConnectionPointContainer **out) override;
  METHOD(HRESULT) Advise(IUnknown *given, DWORD *cookie) override {
    IDispatch *sink = nullptr;
    if (FAILED(given->QueryInterface(DIID_EVENTS, (void **)&sink)) &&
        FAILED(given->QueryInterface(IID_IDispatch, (void **)&sink)))
      return CONNECT_E_CANNOTCONNECT;
    return sinks[*cookie = next++] = sink, S_OK;
  }
  METHOD(HRESULT) Unadvise(DWORD cookie) override {
    auto found = sinks.find(cookie);
    if (found == sinks.end()) return CONNECT_E_NOCONNECTION;
    found->second->Release();
    return sinks.erase(found), S_OK;
  }
  METHOD(HRESULT) EnumConnections(IEnumConnections **) override { return E_NOTIMPL; }
};

// Enumerates the one connection point.
struct EventPoints : IEnumConnectionPoints {
  LONG references = 1;
  IConnectionPoint *point;
  ULONG position = 0;
  explicit EventPoints(IConnectionPoint *only) : point(only) { point->AddRef(); }
  virtual ~EventPoints() { point->Release(); }
  METHOD(ULONG) AddRef() override { return ++references; }
  METHOD(ULONG) Release() override {
    ULONG left = --references;
    if (!left) delete this;
    return left;
  }
  METHOD(HRESULT) QueryInterface(REFIID iid, void **out) override {
    if (iid != IID_IUnknown && iid != IID_IEnumConnectionPoints) return *out = nullptr, E_NOINTERFACE;
    return *out = this, AddRef(), S_OK;
  }
  METHOD(HRESULT) Next(ULONG count, IConnectionPoint **out, ULONG *fetched) override {
    ULONG given = count && position == 0;
    if (given) *out = point, point->AddRef(), position = 1;
    if (fetched) *fetched = given;
    return given == count ? S_OK : S_FALSE;
  }
  METHOD(HRESULT) Skip(ULONG count) override { return (position += count) <= 1 ? S_OK : S_FALSE; }
  METHOD(HRESULT) Reset() override { return position = 0, S_OK; }
  METHOD(HRESULT) Clone(IEnumConnectionPoints **out) override {
    auto copy = new EventPoints(point);
    copy->position = position;
    return *out = copy, S_OK;
  }
};

struct EventPointContainer : Part<IConnectionPointContainer> {
  METHOD(HRESULT) EnumConnectionPoints(IEnumConnectionPoints **) override;
  METHOD(HRESULT) FindConnectionPoint(REFIID, IConnectionPoint **) override;
};

struct ClassInfo : Part<IProvideClassInfo2> {
  METHOD(HRESULT) GetClassInfo(ITypeInfo **out) override { return type_info(CLSID_CONTROL, out); }
  METHOD(HRESULT) GetGUID(DWORD kind, GUID *out) override {
    if (kind != GUIDKIND_DEFAULT_SOURCE_DISP_IID) return E_INVALIDARG;
    return *out = DIID_EVENTS, S_OK;
  }
};

struct OleObject : Part<IOleObject> {
  IOleClientSite *site = nullptr;
  SIZEL extent = {1000, 1000};
  METHOD(HRESULT) SetClientSite(IOleClientSite *given) override {
    if (given) given->AddRef();
    if (site) site->Release();
    return site = given, S_OK;
  }
  METHOD(HRESULT) GetClientSite(IOleClientSite **out) override {
    if (site) site->AddRef();
    return *out = site, S_OK;
  }
  METHOD(HRESULT) Close(DWORD) override { return SetClientSite(nullptr); }
  METHOD(HRESULT) GetUserClassID(CLSID *out) override { return *out = CLSID_CONTROL, S_OK; }
  METHOD(HRESULT) SetExtent(DWORD, SIZEL *given) override { return extent = *given, S_OK; }
  METHOD(HRESULT) GetExtent(DWORD, SIZEL *out) override { return *out = extent, S_OK; }
  METHOD(HRESULT) GetMiscStatus(DWORD, DWORD *out) override {
    return *out = OLEMISC_INVISIBLEATRUNTIME | OLEMISC_SETCLIENTSITEFIRST | OLEMISC_INSIDEOUT, S_OK;
  }
  METHOD(HRESULT) Advise(IAdviseSink *, DWORD *cookie) override { return *cookie = 1, S_OK; }
  METHOD(HRESULT) Unadvise(DWORD) override { return S_OK; }
  METHOD(HRESULT) SetHostNames(LPCOLESTR, LPCOLESTR) override { return S_OK; }
  METHOD(HRESULT) DoVerb(LONG, LPMSG, IOleClientSite *, LONG, HWND, LPCRECT) override { return S_OK; }
  METHOD(HRESULT) Update() override { return S_OK; }
  METHOD(HRESULT) IsUpToDate() override { return S_OK; }
  METHOD(HRESULT) SetMoniker(DWORD, IMoniker *) override { return E_NOTIMPL; }
  METHOD(HRESULT) GetMoniker(DWORD, DWORD, IMoniker **) override { return E_NOTIMPL; }
  METHOD(HRESULT) InitFromData(IDataObject *, BOOL, DWORD) override { return E_NOTIMPL; }
  METHOD(HRESULT) GetClipboardData(DWORD, IDataObject **) override { return E_NOTIMPL; }
  METHOD(HRESULT) EnumVerbs(IEnumOLEVERB **) override { return E_NOTIMPL; }
  METHOD(HRESULT) GetUserType(DWORD, LPOLESTR *) override { return E_NOTIMPL; }
  METHOD(HRESULT) EnumAdvise(IEnumSTATDATA **) override { return E_NOTIMPL; }
  METHOD(HRESULT) SetColorScheme(LOGPALETTE *) override { return E_NOTIMPL; }
};

struct Persistence : Part<IPersistStreamInit> {
  METHOD(HRESULT) GetClassID(CLSID *out) override { return *out = CLSID_CONTROL, S_OK; }
  METHOD(HRESULT) IsDirty() override { return S_FALSE; }
  METHOD(HRESULT) Load(IStream *) override { return S_OK; }
  METHOD(HRESULT) Save(IStream *, BOOL) override { return S_OK; }
  METHOD(HRESULT) GetSizeMax(ULARGE_INTEGER *out) override { return out->QuadPart = 0, S_OK; }
  METHOD(HRESULT) InitNew() override { return S_OK; }
};

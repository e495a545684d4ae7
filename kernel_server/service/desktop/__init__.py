"""Kiwoom's windows on the desktop of the control's machine: the login, its stored credential, the version update."""

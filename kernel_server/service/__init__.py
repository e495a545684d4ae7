"""The kernel server as a service of a Windows machine: a task that starts it at logon, and a supervisor.

Kiwoom's control needs the user's desktop, so this is a task of the Task Scheduler and no Windows service.
"""

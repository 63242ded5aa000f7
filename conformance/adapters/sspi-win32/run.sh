#!/bin/sh
# Starts the adapter: as it is on Windows, under Wine elsewhere.
if [ "$OS" = Windows_NT ]; then
    exec ./target/adapter.exe
fi
export WINEPREFIX="$PWD/target/wine" WINEDEBUG=-all WINEDLLOVERRIDES=winedbg.exe=d DISPLAY= KRB5_CONFIG="$PWD/krb5.conf"
exec wine target/adapter.exe

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Installs the Debian packages named as arguments, those that are missing.
# As root, or with sudo; where neither works it says what to install.
set -eu

missing=""
for package in "$@"; do
  if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed'; then
    missing="$missing $package"
  fi
done
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "setup: expected apt-get, found none; install by hand:$missing" >&2
  exit 1
fi
sudo=""
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "setup: expected root or sudo; run: apt-get install$missing" >&2; exit 1; }
  sudo="sudo"
fi
echo "setup: installing$missing"
export DEBIAN_FRONTEND=noninteractive
install() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null; }
# The package lists of a base image are empty, those of a used machine may be old.
install 2>/dev/null || { $sudo apt-get update -qq && install; }

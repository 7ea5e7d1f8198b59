# Sourced: openjd_reference FOLDER makes the reference command line of Open Job Description (PyPI: openjd-cli) in a venv of
# its own below FOLDER, once, and sets $reference. Fails when it can not be had: no Python, no network.
openjd_reference() {
  local venv="$1/openjd-reference" wanted="openjd-cli==0.8.0 openjd-model==0.13.0 openjd-sessions==0.13.0"
  reference="$venv/bin/openjd"
  exec 8>"$1/openjd-reference.lock"
  flock 8
  if [ "$(cat "$venv/made-of" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv" >/dev/null 2>&1 && "$venv/bin/pip" install -q --disable-pip-version-check $wanted >"$1/openjd-reference.log" 2>&1 &&
      echo "$wanted" >"$venv/made-of"
  fi
  exec 8>&-
  [ -x "$reference" ] && [ -f "$venv/made-of" ]
}

# What the stories of doors share, on top of house_lib.sh and bring_lib.sh: an account with a password.
export RCLONE_CONFIG=$work/rclone.conf HOME=$work/home
mkdir -p "$HOME"; : >"$RCLONE_CONFIG"
mail=ann@example.org password="eleven blue herons"
ann() { # makes the account; it may edit the project
  here user add "$mail" --name Ann >link 2>/dev/null &&
    curl -sS --fail-with-body -X POST -H 'Content-Type: application/json' \
      -d "{\"token\":\"$(sed 's/.*#//' link)\",\"password\":\"$password\"}" "$url/api/v1/welcome" >/dev/null &&
    ask POST "/projects/$project/members" "{\"email\":\"$mail\",\"role\":\"editor\"}" >/dev/null
}
ann_id() { ask GET /people | field ".find(p=>p.email==='$mail').id"; }
assets() { ask GET "/projects/$project/assets" | field .total; } # how many there are
versions() { # versions NAME: how many the asset has
  ask GET "/projects/$project/assets?q=$1" | field .items[0].versions
}

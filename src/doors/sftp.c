// The door's key, and the door.
#include "doors/sftp_session.h"

#include "base/log.h"

#include <sys/stat.h>

static bool host_key(const char *path, ssh_bind bind, struct error *err)
{
    struct stat seen;
    ssh_key key = NULL;
    unsigned char *hash = NULL;
    size_t size = 0;
    if (stat(path, &seen) != 0) {
        mode_t before = umask(077);
        bool made = ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) == SSH_OK &&
                    ssh_pki_export_privkey_file(key, NULL, NULL, NULL, path) == SSH_OK;
        umask(before);
        ssh_key_free(key);
        key = NULL;
        if (!made) {
            error_set(err, ERROR_IO, "cannot make the key of the SFTP door");
            return error_why(err, "%s can not be written", path);
        }
    }
    bool fine = ssh_pki_import_privkey_file(path, NULL, NULL, NULL, &key) == SSH_OK &&
                ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY, path) == SSH_OK;
    if (fine && ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) == SSH_OK) {
        char *shown = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size);
        log_info("sftp.host_key", "fingerprint=%s", shown ? shown : "");
        ssh_string_free_char(shown);
        ssh_clean_pubkey_hash(&hash);
    }
    ssh_key_free(key);
    if (fine)
        return true;
    error_set(err, ERROR_DAMAGED, "the key of the SFTP door can not be read");
    error_why(err, "%s is no private key of SSH without a passphrase", path);
    return error_fix(err, "put the old one back, or remove it for a new one: clients then see "
                          "that the host has changed");
}

bool sftp_serve(const struct sftp_wish *w, struct error *err)
{
    ssh_init();
    ssh_bind bind = ssh_bind_new();
    if (!bind || !host_key(w->host_key, bind, err))
        return false;
    struct door_wish door = w->door;
    door.name = "SFTP";
    door.guest = sftp_guest;
    door.context = bind;
    return door_serve(&door, err);
}

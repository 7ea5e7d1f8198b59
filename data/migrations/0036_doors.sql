-- Files that came through a door (WebDAV, SFTP, a mount) and are no assets: on their way in, or
-- kept under a name that programs use for a while (lock files, temporary names, ._name).
create table door_files (
    id text primary key,        -- also the upload's id in the store while it arrives
    project text not null references projects (id),
    folder text not null,       -- '' at the top
    name text not null,
    person text not null,
    state text not null,        -- 'arriving', 'kept'
    size bigint not null,       -- -1: not known yet
    modified_ms bigint not null, -- 0: not said
    content blob,
    created_ms bigint not null,
    active_ms bigint not null
);
create index door_files_place on door_files (project, folder, state);
create index door_files_active on door_files (state, active_ms);
create index door_files_content on door_files (content);
-- What WebDAV's clients want to be remembered (dead properties, RFC 4918, 4.1).
create table door_properties (
    thing text not null,        -- id of a project, folder, asset or door file
    space text not null,        -- namespace; '' for none
    name text not null,
    value text not null,        -- XML of the element
    primary key (thing, space, name)
);
-- Public keys that people log in with (SSH).
create table door_keys (
    id text primary key,
    person text not null references people (id),
    kind text not null,         -- ssh-ed25519, ...
    body text not null unique,  -- base64
    name text not null,         -- what stood behind it
    created_ms bigint not null,
    used_ms bigint not null     -- 0: never
);
create index door_keys_person on door_keys (person);

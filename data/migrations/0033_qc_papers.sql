-- A picture of each finding, and a device's certificate of flashing pictures.
create table qc_pictures (
    report text not null,
    frame bigint not null,
    content blob not null,
    size bigint not null,
    primary key (report, frame)
);
create index qc_pictures_content on qc_pictures (content);
create table qc_certificates (
    report text primary key,
    name text not null,             -- of the file
    content blob not null,
    size bigint not null,
    device text not null,
    number text not null,
    date text not null,             -- of the certificate, YYYY-MM-DD
    made_by text not null,          -- who attached it
    made_ms bigint not null
);
create index qc_certificates_content on qc_certificates (content);

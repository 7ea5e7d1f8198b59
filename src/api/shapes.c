#include "api/shapes.h"

#include <string.h>

const struct shape shapes[] = {
    // ---- errors and lists
    {"Problem", "type:text title:text detail:text fix:text? reference:text status:int kind:text",
     "RFC 9457: title is what, detail is why, fix is the way out; reference is in the log too"},

    // ---- people
    {"Setup", "token:text name:text email:text password:text", "first administrator, once"},
    {"Login", "email:text password:text code:text?", "code: of the second factor"},
    {"Person", "id:id name:text email:text? admin:bool created:time disabled:bool", ""},
    {"NewPerson", "name:text email:text admin:bool?", ""},
    {"PersonMade", "person:Person link:text", "the link sets the password, once"},
    {"Welcome", "token:text password:text code:text?", "the link's token and the password chosen"},
    {"PersonChange", "name:text? admin:bool? disabled:bool?", ""},
    {"Me",
     "person:Person? share:ShareSeen? csrf:text house:text version:text media:text "
     "setup_needed:bool secure:bool projects:Project[] factor:Factor?",
     "who is asking; media is the base address of the media listener"},
    {"Factor", "on:bool since:time? codes_left:int owed:bool session:bool",
     "the second factor; owed: the house demands one; session: this one began with it"},
    {"FactorBegun", "secret:text uri:text", "base32, and the otpauth address for a QR code"},
    {"FactorCode", "code:text", "six digits, or a recovery code"},
    {"RecoveryCodes", "codes:text[]", "each works once; shown this once"},
    {"Session",
     "id:id device:text address:text created:time seen:time expires:time factor:bool this:bool",
     ""},
    {"Token",
     "id:id name:text scope:'all'|'read'|'worker' created:time expires:time? last_used:time?", ""},
    {"NewToken", "name:text scope:'all'|'read'|'worker' days:int?", ""},
    {"TokenMade", "token:Token secret:text", "the secret is shown this once"},
    {"AuditRow",
     "number:int at:time person:text? address:text device:text action:text subject:text? "
     "detail:text?",
     ""},
    {"AuditList", "items:AuditRow[] cursor:text?", ""},

    // ---- projects
    {"Project",
     "id:id name:text created:time role:text? permissions:text[] sequence_rate:text assets:int "
     "bytes:int downloads_need:'nothing'|'factor'|'owner' version_names:bool "
     "burn_names:'nothing'|'viewers'|'all'",
     "permissions: view comment download upload edit share deliver manage"},
    {"NewProject", "name:text sequence_rate:text?",
     "sequence_rate: of image sequences that say none"},
    {"ProjectChange",
     "name:text? sequence_rate:text? downloads_need:'nothing'|'factor'|'owner'? "
     "version_names:bool? "
     "burn_names:'nothing'|'viewers'|'all'?",
     "version_names: files whose names differ only in v001, v002 become versions of one asset"},
    {"Member", "person:Person role:'owner'|'editor'|'reviewer'|'guest'", ""},
    {"NewMember", "email:text role:'owner'|'editor'|'reviewer'|'guest'", ""},
    {"MemberRole", "role:'owner'|'editor'|'reviewer'|'guest'", ""},

    // ---- assets
    {"Folder", "id:id project:id parent:id? name:text assets:int", ""},
    {"NewFolder", "name:text parent:id?", ""},
    {"FolderChange", "name:text? parent:id?", "an empty parent moves it to the top"},
    {"Asset",
     "id:id project:id folder:id? name:text "
     "kind:'clip'|'sound'|'sequence'|'still'|'captions'|'document' "
     "created:time "
     "by:text version:Version versions:int comments:int open_comments:int deleted:bool "
     "fields:json? "
     "take:Take?",
     "version is the newest one; fields: values by key, where they were asked for"},
    {"Take", "scene:text take:text with:TakeMember[]",
     "sound and picture that belong together; with: the others"},
    {"TakeMember", "asset:id name:text kind:text timecode:text offset_frames:int? by_hand:bool",
     "offset_frames: of the sound's start from the picture's, in the picture's frames"},
    {"NewTake", "assets:id[] together:bool", "a sound and a picture"},
    {"Field",
     "key:text number:int name:text type:'text'|'number'|'choice'|'date'|'yesno'|'timecode' "
     "choices:text[] position:int",
     "what people add to assets; key: f1, f2, ..."},
    {"NewField",
     "name:text type:'text'|'number'|'choice'|'date'|'yesno'|'timecode' choices:text[]?", ""},
    {"FieldChange", "name:text? choices:text[]? position:int?", ""},
    {"FieldSet", "field:text value:text was:json?",
     "an empty value takes it away. was: {asset: value} as they were seen; another one by now is a "
     "conflict and nothing is set"},
    {"NewValues", "assets:id[] set:FieldSet[]", ""},
    {"ValueChange",
     "number:int kind:'person'|'import'|'file'|'undo' title:text by:text at:time count:int "
     "undone:bool left:int run:ValueRun?",
     "what was set together; number 0: nothing changed. left: of an undoing, values that were set "
     "again since. run: of one of many values, which are set in slices"},
    {"ValueRun", "total:int done:int stayed:int rate:number left_s:number? ended:bool problem:text",
     "of values; stayed: others set them meanwhile. problem: why it waits"},
    {"FieldValue", "field:text value:text history:ValueSaid[]", "history: newest first"},
    {"ValueSaid",
     "value:text from:'person'|'import'|'file'|'undo' title:text by:text at:time line:int "
     "change:int",
     "title: of an import the file; line: of it"},
    {"SavedSearch", "number:int name:text query:json shared:bool mine:bool by:text count:int",
     "count: what its condition finds now"},
    {"NewSavedSearch", "name:text query:json shared:bool", "query: where, columns, sort and more"},
    {"FieldImport",
     "file:text format:text encoding:text mark:text rows:int columns:ImportColumn[] matched:int "
     "unmatched_count:int unmatched:ImportRow[] ambiguous_count:int ambiguous:ImportRow[] "
     "chosen:ImportRow[] "
     "bad_count:int bad:ImportCell[] same:int change_count:int changes:ImportChange[] "
     "said:ImportSaid[] plan:text change:int?",
     "what a table does, or did (change); lists have at most 500 rows. chosen: rows that several "
     "assets fit and choose= decided"},
    {"TableWish",
     "format:'csv'|'ale' assets:id[]? where:json? q:text? kind:text? folder:text? sort:text? "
     "descending:bool?",
     "assets: those; else all that the rest finds"},
    {"ImportColumn", "name:text as:text", "as: id, name, reel, start, a field's key, new or \"\""},
    {"ImportRow", "line:int name:text why:text asset:text? candidates:ImportCandidate[]?",
     "asset: the one that was chosen"},
    {"ImportCandidate", "asset:id name:text folder:text timecode:text created:time", ""},
    {"ImportCell", "line:int column:text value:text why:text", "what is no value of its field"},
    {"ImportChange", "line:int asset:id name:text field:text was:text to:text", ""},
    {"ImportSaid", "line:int why:text", "what was not as it should be in the file"},
    {"AssetList", "items:Asset[] cursor:text? total:int", ""},
    {"AssetChange", "name:text? folder:id?", "an empty folder moves it to the top"},
    {"Version",
     "id:id asset:id number:int created:time by:text size:int file_count:int content:text "
     "state:'stored'|'probing'|'proxying'|'ready'|'failed' facts:Facts? problem:Problem? "
     "derived:Derived[] job:id? progress:number? "
     "status:'none'|'review'|'changes'|'approved' shown:ShownTranscode? place:VersionPlace? "
     "burn:BurnFact? hashes:ListedHash?",
     "hashes: what a list of hashes that came along says of a file of it; shown: of a camera "
     "original, the transcode whose derived files these are; content is SHA-256 over the chunk "
     "hashes; problem says what failed; burn: the "
     "project wants the viewer's name in the picture"},
    {"ShownTranscode", "asset:id name:text state:text how:text",
     "how: name, reel and timecode, by hand"},
    {"TranscodeClaim", "asset:id name:text how:text", ""},
    {"OriginalTranscode",
     "original:bool attached:TranscodeClaim? candidates:TranscodeClaim[] claims:TranscodeClaim[]",
     "of an original its transcodes, of a transcode its originals; claims: who else says to be of "
     "the "
     "one candidate"},
    {"AttachTranscode", "transcode:id", ""},
    {"BurnFact", "state:'none'|'waiting'|'running'|'ready'|'failed' words:text progress:number",
     "the proxies that carry it; words: what stands in the picture"},
    {"FrameWish", "frame:int layer:text? save:bool? transform:id? plain:bool?",
     "layer: of OpenEXR, a key of ExrFact; transform: to look through; save: 16 bits to be kept, "
     "for whoever may download; plain: only its values, at most 1920 across, for a page that shows "
     "them itself"},
    {"FrameShown",
     "state:'waiting'|'running'|'ready'|'failed' done:int total:int frame:int burnt:bool "
     "seen:json? samples:json? files:FrameFile[] problem:Problem?",
     "seen: {width, height, bits, pixel_format, view, held, layer?}; samples: how samples.raw and "
     "scopes.raw are to be read (docs/formats/ticket.md)"},
    {"FrameFile", "kind:'picture'|'samples'|'scopes'|'save'|'plain' name:text size:int url:text",
     ""},
    {"ExrFact", "parts:ExrPart[] layers:ExrLayer[] left_out:int",
     "left_out: layers that are not listed"},
    {"ExrPart",
     "name:text storage:text compression:text data:int[] display:int[] pixel_aspect:number "
     "deep:bool "
     "overscan:bool channels:ExrChannel[]",
     "data and display: x, y, width, height of the windows"},
    {"ExrChannel", "name:text type:'uint'|'half'|'float' x:int y:int", "x, y: pixels a sample"},
    {"ExrLayer",
     "key:text part:int kind:'colour'|'luma'|'grey' channels:text[] type:text shown:bool", ""},
    {"VersionStatus",
     "number:int status:'none'|'review'|'changes'|'approved' by:text note:text at:time", ""},
    {"NewVersionStatus", "status:'none'|'review'|'changes'|'approved' note:text?", ""},
    {"VersionPlace",
     "id:id root:text path:text state:'here'|'changed'|'gone'|'offline' hashed:bool since:time? "
     "seen:time? keeping:bool problem:text?",
     "its bytes lie in a place: path below root; seen: when they were there last, of gone and "
     "offline; keeping: they are being copied into the house"},
    {"Place",
     "id:id project:id project_name:text folder:id? path:text by:text created:time "
     "state:'online'|'offline'|'leaving' since:time seen:time? scanned:time? problem:text? "
     "files:int bytes:int hashed_files:int hashed_bytes:int waiting:int gone:int links:int "
     "unreadable:int unreadable_path:text? unread:int scanning:bool scan_files:int "
     "scan_began:time? hash_bytes_s:int hash_left_s:int? unanswered:time?",
     "unanswered: since when its volume has not answered; waiting: seen, not yet assets; links: left out; unreadable: folders, unread: files"},
    {"NewPlace", "path:text folder:id?", ""},
    {"PlaceMove", "path:text anyway:bool?",
     "where its folder is now; anyway: though none of its files is there"},
    {"PlaceFile",
     "name:text size:int modified:time? state:'new'|'here'|'changed'|'gone'|'unread' hashed:bool "
     "version:id?",
     "version: none while it is only seen"},
    {"PlaceFiles", "path:text folders:text[] files:PlaceFile[] cursor:text?",
     "what is known of one folder of a place"},
    {"PlaceFolders", "path:text roots:text[] folders:text[] more:bool", ""},
    {"VersionFile", "number:int name:text size:int content:text modified:time?",
     "number starts at 1"},
    {"VersionFileList", "items:VersionFile[] cursor:text? total:int", ""},
    {"Caption",
     "asset:id film:id name:text language:text role:'cc'|'sdh'|'subtitle'|'forced' version:id "
     "number:int by:text created:time format:text cues:int problem:text?",
     "captions of a film: the newest version; problem: why it can not be read"},
    {"CaptionOf", "film:id language:text role:'cc'|'sdh'|'subtitle'|'forced'", ""},
    {"CaptionNote", "group:text cue:int line:int what:text", "cue 0: the whole file"},
    {"CaptionSaved", "version:id number:int format:text notes:CaptionNote[]",
     "notes: what the format can not say"},
    {"CaptionDocument",
     "version:id number:int format:text language:text kind:text rate:text base:int drop:bool "
     "start:int frames:int cues:json notes:CaptionNote[]",
     "times are frames of its film; frames: the film's length, 0 when it is of none"},
    {"CaptionRetime", "from:text? to:text? offset:int?",
     "a frame of rate `from` is one of `to`; offset in frames, afterwards"},
    {"CaptionReport", "format:text name:text notes:CaptionNote[]", ""},
    {"CaptionFinding",
     "rule:text clause:text cue:int line:int frame:int timecode:text seen:text allowed:text",
     "cue from 1; 0: the whole file"},
    {"CaptionRules", "name:text title:text", "rules that captions can be checked by"},
    {"Derived",
     "kind:'scrub'|'scrub_index'|'review'|'review_index'|'audio'|'sprites'|'peaks'|'poster'|'"
     "prints' "
     "name:text "
     "size:int growing:bool url:text",
     "url is signed, short-lived, on the media listener; sprites may be several, in order"},
    {"Facts",
     "container:text kind:text duration_frames:int rate:text vfr:bool rate_from:text "
     "constant:ConstantFact? pulldown:text? "
     "timecode:TimecodeFact? "
     "video:VideoFact[] audio:AudioFact[] captions:CaptionFact[] sequence:SequenceFact? "
     "damage:DamageFact[] sprite:SpriteFact? duration_text:text tags:json "
     "metadata:json? chapters:json? camera:CameraFact? span:SpanFact? exr:ExrFact?",
     "of the first picture stream (sound: frames at rate 48000/1 are samples)"},
    {"CameraFact",
     "picture:bool format:text? sdk:text? reel:text? reel_from:text? clip:text? clip_from:text? "
     "model:text? helper:text?",
     "of a camera original; picture false: only its maker's software (sdk) decodes it; from: "
     "header, "
     "file name, sidecar"},
    {"SpanFact", "kind:'follow'|'tracks' files:int missing:text[] parts:int[]?",
     "several files that are one clip: parts that follow each other, or a track each; missing: "
     "what is not there of it; parts: of what follows and is a track each, files of each part"},
    {"ConstantFact", "rate:text frames:int rule:text",
     "when vfr: what a deliverable at a constant rate has, and by which rule"},
    {"TimecodeFact", "start:text start_frame:int base:int frames_per_label:int drop:bool from:text",
     "from: tmcd, mxf, bwf, stream tag, file number, none"},
    {"VideoFact",
     "index:int codec:text profile:text? width:int height:int display_width:int display_height:int "
     "pixel_aspect:text rotation:int field_order:text pixel_format:text bits:int chroma:text "
     "primaries:text transfer:text matrix:text range:text hdr:HdrFact? bit_rate:int? "
     "language:text? disagree:text[]? cadence:CadenceFact?",
     "display size is upright with square pixels; disagree: where the container says otherwise "
     "than "
     "the picture; cadence: of an interlaced one"},
    {"CadenceFact", "found:text looked:int",
     "found: 2:3, 2:3:3:2, 2:2:2:4, 2:2 late, progressive, interlaced, or mixed, in so many frames "
     "of a few pieces"},
    {"HdrFact", "max_cll:int? max_fall:int? mastering:text? dolby_vision:bool",
     "mastering: G(x,y)B(x,y)R(x,y)WP(x,y)L(max,min) as x265 writes it"},
    {"AudioFact",
     "index:int codec:text sample_rate:int bits:int? channels:int layout:text language:text? "
     "duration_samples:int title:text?",
     ""},
    {"CaptionFact", "index:int kind:text language:text? channels:text?",
     "kind: 608, 708, text codec"},
    {"SequenceFact", "first:int last:int count:int missing:int[] padding:int pattern:text", ""},
    {"DamageFact", "where:text what:text frame:int?", ""},
    {"SpriteFact", "width:int height:int columns:int rows:int every_frames:int count:int",
     "tiles of width x height px, one each every_frames, columns x rows a sheet"},
    {"Deletion", "ids:id[]", ""},
    {"Count", "count:int", "how many were changed"},
    {"Move", "ids:id[] folder:id?", "an empty folder moves them to the top"},

    // ---- colour on the way to the eye
    {"Transform",
     "id:id project:id name:text steps:json by:text created:time content:text error:number "
     "light:bool table:int cube:int files:TransformPart[]",
     "a viewing transform; error: how far its table is off at most, of 1 (docs/formats/looks.md)"},
    {"TransformPart", "name:text size:int", ""},
    {"TransformFile", "name:text content:text size:int", ""},
    {"NewTransform", "name:text steps:json files:TransformSent[]",
     "steps name files, and say what is done with them (docs/formats/looks.md)"},
    {"TransformSent", "name:text content:text", "name: with / between folders"},
    {"TransformFound", "config:json? corrections:text[]? used:text[]",
     "what a configuration and a list of corrections have to choose from; used: files it opened"},
    {"TransformPlace",
     "kind:'project'|'folder'|'asset' place:id name:text transform:id? by:text at:time",
     "without transform: none, so chosen"},
    {"NewTransformPlace", "kind:'project'|'folder'|'asset' place:id transform:id?", ""},
    {"VersionColour",
     "version:id colour:ColourStated transform:id? name:text? "
     "from:'project'|'folder'|'asset'? by:text? at:time? sets:ColourSet[]",
     "transform: the one that is set, from: where; without from nobody has chosen any"},
    {"ColourStated", "primaries:text transfer:text matrix:text range:text stated:bool",
     "what the file says; stated: it says how its code values are light"},
    {"ColourSet",
     "transform:id? name:text? state:'ready'|'making'|'failed'|'none' shown:bool job:id? "
     "table:text? derived:Derived[]",
     "proxies through a transform, without one: as it is; shown: what Version.derived has; table: "
     "where the transform's table is read (docs/formats/looks.md), by people"},
    {"ColourAsk", "transform:id?", ""},

    // ---- transfer: bringing in
    {"NewTransfer", "name:text folder:id? asset:id? origin:'page'|'put'|'job'|'sync' key:text?",
     "one drop of files and folders, or one put; the same key gives the same transfer again; with "
     "asset, each file or "
     "sequence of it becomes a further version of that one"},
    {"Transfer",
     "id:id project:id name:text folder:id? origin:text state:'open'|'closed' created:time by:text "
     "files:int files_done:int bytes:int bytes_done:int card:Card? more_cards:Card[]",
     "card: once it is closed and was looked at; more_cards: when it held several"},
    {"ListsBeside", "wanted:ListWanted[]", "what lists say that stay where the files were"},
    {"ListWanted", "path:text list:text kind:text digest:text",
     "path: of the file in the transfer; kind: md5, sha1, xxh64, xxh3, xxh128, c4"},
    {"ListCheck",
     "state:'waiting'|'done' lists:text[] right:int wrong:ListedHash[] missing:text[] "
     "unread:text[]",
     "lists of hashes (MHL, md5sum and the like) that came with a transfer, held against what is "
     "stored; missing: files that they name; unread: lists and files, and why; at most 200 of "
     "each"},
    {"ListedHash", "path:text list:text kind:text said:text found:text right:bool",
     "kind: xxh64, md5, sha1, c4, ...; said: by the list"},
    {"Card", "kind:text title:text clips:int missing:text[] notes:text[] folder:text?",
     "kind empty: it is no camera's card; missing: what its own index lists and is not there; "
     "folder: where it begins, empty for the top"},
    {"CardCame", "transfer:id created:time by:text card:Card", "newest first"},
    {"NewTransferFile", "path:text size:int modified:time? key:text? growing:bool?",
     "path: relative, with / between; growing: it is still being written, size is -1"},
    {"TransferFile",
     "id:id transfer:id path:text size:int state:'arriving'|'stored' received:int problem:Problem? "
     "content:text?",
     "content: once it is stored, SHA-256 over the hashes of its chunks"},
    {"ChunkClaim", "chunks:ChunkHash[]", "at most 4,096 a call"},
    {"ChunkHash", "number:int hash:text", "number starts at 0; hash is SHA-256 in hex"},
    {"ChunkMissing", "missing:int[]", ""},
    {"BulkSession", "port:int connection:int secret:text",
     "for one use: the UDP port of the house, and what both need to know each other there "
     "(docs/formats/bulk.md); secret is base64url"},
    {"Commit", "content:text chunks:int size:int? modified:time?",
     "content is SHA-256 over the chunk hashes; size and modified of a file that grew"},
    {"WatchRules",
     "after:'leave'|'move'|'delete'? lists:'verify'|'make'|'off'? growing:bool? looks:int? "
     "every:int? age:int? include:text[]? exclude:text[]?",
     "as `posthouse watch` takes them"},
    {"NewWatchedFolder", "path:text project:id folder:text? rules:WatchRules",
     "path: absolute, on the house's machine; folder: in the project, made when missing"},
    {"WatchedFolderChange", "enabled:bool", ""},
    {"WatchedOrder", "name:text", "of a card, as `waits` calls it"},
    {"WatchedWait", "path:text why:text fix:text soon:bool", "soon: time alone brings it"},
    {"WatchedArrival", "at:time what:text files:int bytes:int", ""},
    {"WatchedProblem", "what:text why:text fix:text", ""},
    {"WatcherState",
     "files:int bytes:int arrivals:WatchedArrival[] waits:WatchedWait[] waiting:int "
     "problem:WatchedProblem?",
     "files and bytes: since it was started; the last arrivals first; of what waits the first 200"},
    {"WatcherOrders", "take:text[]", "cards that are taken as they are"},
    {"WatchedFolder",
     "id:id path:text project:id project_name:text folder:text rules:WatchRules enabled:bool "
     "by:text created:time heard:time? silent:bool state:WatcherState?",
     "silent: nothing is heard of its watcher"},
    {"GrowingSaid", "written:int rate:int state:'growing'|'silent'|'closing' unclosed:bool?",
     "by who sends it: bytes that its recorder has written, and a second of late; unclosed: it is "
     "taken though its recorder never closed it"},
    {"GrowingAnswer", "finish:bool", "finish: a person says that it is over"},
    {"Growing",
     "file:id project:id folder:id? path:text "
     "state:'growing'|'silent'|'closing'|'lost'|'stored' began:time heard:time grew:time "
     "written:int arrived:int rate:int by:text unclosed_by:text? asset:id? version:id? "
     "watch:'yes'|'soon'|'no' why:text frames:int duration_text:text facts:Facts? "
     "derived:Derived[]",
     "a recording that comes in while it is written; lost: nothing was heard of its sender for a "
     "while; grew: last; frames: so many can be looked at; why: what keeps it from being looked "
     "at; asset and version: of one that is stored and was never closed"},
    {"GrowingCame",
     "file:id path:text state:'growing'|'silent'|'closing'|'lost'|'stored' written:int size:int "
     "modified_ms:int grew:time content:text? asset:id? version:id? number:int "
     "chunks:GrowingChunk[]",
     "size: bytes without a hole, once it is stored of all; content, asset, version and number (of "
     "the file in it) then; chunks at most 4,096"},
    {"GrowingChunk", "number:int hash:text size:int", "hash: SHA-256 in hex, of just now"},

    // ---- the house as folders and files
    {"TreeNode",
     "kind:'top'|'project'|'folder'|'file' id:id? name:text path:text size:int modified_ms:int "
     "created_ms:int content:text? version:id? number:int kept:bool growing:bool "
     "permissions:text[]",
     "version and number: of the file that an asset's newest version has; kept: no asset (yet); "
     "growing: it still comes in, id is the file's"},
    {"TreePath", "path:text", ""},
    {"TreeMove", "from:text to:text overwrite:bool? copy:bool? content:text?", ""},
    {"TreeDelete", "path:text content:text? empty:bool?", ""},
    {"TreePlace", "transfer:id files:TreePlaceFile[]", ""},
    {"TreePlaceFile", "path:text as:text instead:text?",
     "as: its path in the transfer; instead: the content it replaces, none: nothing is there"},
    {"TreePlaced", "node:TreeNode? refused:TreeRefused?", ""},
    {"TreeRefused", "kind:text what:text why:text fix:text", "kind: conflict, not_found, ..."},
    {"NewTreeWrite", "path:text size:int? modified_ms:int? fresh:bool?",
     "fresh: what came of it before is thrown away; size -1: not known yet"},
    {"TreeWrite", "id:id offset:int", "offset: where it goes on"},
    {"TreeWriteEnd", "id:id size:int? modified_ms:int?", ""},
    {"TreeTouch", "path:text modified_ms:int", ""},
    {"DoorEntry", "door:text user:text password:text? key:text? address:text enter:bool?",
     "key: base64, proven by the door unless enter is false; address: where the person comes from"},
    {"DoorEntered", "secret:text token:id?", "token: of the secret, when it was made for this"},

    // ---- jobs
    {"Job",
     "id:id project:id kind:text title:text state:'waiting'|'running'|'suspended'|'stopped'|"
     "'approval'|'done'|'failed'|'cancelled' priority:int tier:int progress:number done:int "
     "total:int unit:text rate:number? left_s:int? "
     "created:time "
     "started:time? ended:time? asset:id? version:id? attempts:int problem:Problem? by:text "
     "counts:TaskCounts steps:Step[]? assets:JobAsset[]? after_jobs:id[]? deadline:time? "
     "budget:Money? spent:Money? "
     "options:json?",
     "stopped: its tasks failed everywhere; approval: its preview waits for a person. Lists and "
     "news have no steps and no options; options: as submitted, but for inputs"},
    {"TaskCounts", "waiting:int ready:int running:int done:int failed:int cancelled:int",
     "over all steps; ready: those of the waiting that may be given out now"},
    {"JobAsset",
     "name:text state:'waiting'|'done'|'failed'|'stale' asset:id? version:id? delivery:id? "
     "movie:id? problem:Problem?",
     "what of its outputs is in the library: a sequence, and the movie that was made of it"},
    {"JobList", "items:Job[] cursor:text? total:int", ""},
    {"Step",
     "number:int name:text tasks:int waiting:int ready:int running:int done:int failed:int "
     "cancelled:int mean_ms:int chunk:int",
     "number starts at 1; ready: those of the waiting that may be given out now; chunk: tasks that "
     "the next attempt would take"},
    {"NewJob",
     "id:id? name:text? template:text environments:text[]? parameters:json? path_mapping:json? "
     "options:json?",
     "docs/formats/submission.md"},
    {"StagedFiles", "files:StagedFile[]", "what a worker that shares no disk must have"},
    {"StagedFile", "path:text content:text size:int program:bool",
     "content is SHA-256 over the chunk hashes; program: it may be executed"},
    {"StagedAsk", "worker:id attempt:id token:int files:text[]", "contents, at most 1,000"},
    {"StagedMade", "offset:int whole:bool",
     "how much of it is there; whole: all, proven and durable"},
    {"StagedBulk", "worker:id", "a worker that wants a session"},
    {"StagedClaim",
     "worker:id attempt:id token:int output:int? frame:int? task:int? tile:int? name:text? "
     "size:int "
     "content:text from:int hashes:text[]",
     "chunks of what was made from number `from` on, at most 256"},
    {"StagedMissing", "whole:bool missing:int[]",
     "numbers of those that must be sent; whole: all of it is there, proven and durable"},
    {"StagedPlace", "worker:id attempt:id token:int", "an attempt, as the worker was told of it"},
    {"StagedPlaced", "when:'now'|'later'|'never'",
     "now: it is in its place; later: another attempt at some of its tasks is doing so, ask again; "
     "never: it does not count"},
    {"JobSuspend", "drop:bool?", "drop: what runs is stopped, too"},
    {"TaskRuns", "runs:TaskRun[] next:int?", "next: from where there is more"},
    {"TaskRun", "first:int last:int state:'waiting'|'running'|'done'|'failed'|'cancelled'",
     "tasks count from 0; both are in it"},
    {"TaskAxis", "name:text span:int count:int numbers:text? texts:text[]? frame:bool",
     "task t has value number t / span % count of it. numbers, in their order: 1001-1100, 5-1:-2, "
     "7; texts: of others, absent when they are very many. frame: what tasks are called by"},
    {"TaskChange", "first:int last:int dependants:bool?",
     "dependants: what was made from them is made again, too"},
    {"Attempt",
     "attempt:id token:int step:int first:int last:int worker:text state:'running'|'dropped'|"
     "'committed'|'failed'|'lost'|'stopped'|'stale' began:time ended:time? problem:Problem? "
     "progress:number? log:bool",
     "one try at tasks first..last; newest first; progress, while it runs, of 1; log: it has one"},
    {"Task",
     "number:int state:'waiting'|'running'|'done'|'failed'|'cancelled' values:json "
     "attempts:Attempt[] outputs:Output[]",
     "values: its parameters by name, as the template has them; attempts: newest first"},
    {"Output", "path:text url:text?",
     "a file that the task makes; url: of a small picture (JPEG) of what is in its place, once it "
     "is done; the worker made it when it looked at the file"},
    {"Limit",
     "name:text scope:'task'|'host' total:int outside:int yields:bool used:int free:int "
     "learned:int",
     "what there is only so much of; learned: the ceiling that denials taught"},
    {"LimitChange", "name:text scope:'task'|'host' total:int outside:int? yields:bool?",
     "outside: held by others; yields: attempts give way when others take one"},
    {"LogPart", "text:text next:int", "next: after how many bytes to ask again"},
    {"Reason", "kind:text text:text step:int word:text a:int b:int c:int",
     "why a job does not run; text has the numbers in it"},
    {"JobChange", "name:text? priority:int? tier:int? deadline:text? budget:Money?",
     "0 lowest, 50 usual, 100 highest; deadline \"\": none; a budget below 0: no limit"},
    {"JobFrames", "step:text? frames:text? dependants:bool?",
     "step: its name, else all; frames: 1-10,20, else all of them"},
    {"JobInputs", "inputs:text[]", "paths of files"},
    {"Money", "amount:number currency:text", "an hour of a machine, a budget: 120, USD"},
    {"Node",
     "id:id name:text host:text state:'idle'|'working'|'away'|'draining'|'quarantined'|'desk' "
     "why:text? "
     "until:time? slots:int busy:int cpus:number memory_mb:int gpus:text[] tags:text[] pool:text? "
     "seen:time failures:int runs:NodeRun[] from_house:NodeSpeed? to_house:NodeSpeed?",
     "a worker; why and until: of a state that keeps it from work; failures: on its machine, in a "
     "row"},
    {"FarmSums",
     "jobs:JobSums workers:NodeSums slots:int busy:int waiting:int ready:int running:int "
     "shares:FarmShare[]",
     "waiting, running: tasks; ready: those of the waiting that may be given out now; slots: of "
     "workers that are not away; shares: of the projects with jobs that have not ended, as far as "
     "one may view them"},
    {"JobSums", "waiting:int running:int suspended:int stopped:int approval:int",
     "jobs that have not ended"},
    {"NodeSums", "idle:int working:int away:int draining:int quarantined:int desk:int",
     "desk: its user is back"},
    {"FarmShare",
     "project:id name:text weight:number held:number average:number waiting:int running:int",
     "held: machines now; average: over the last hours; waiting, running: tasks"},
    {"NodeSpeed", "bytes_s:int measured:time", "over the wire, smoothed; of files of staged jobs"},
    {"Speed",
     "kind:'worker'|'put' direction:'out'|'in' name:text host:text bytes_s:int measured:time "
     "elsewhere:bool here:bool",
     "out of the house or in to it, smoothed; elsewhere: a worker without its disks; here: on its "
     "own machine"},
    {"SpeedMeasured", "name:text bytes:int ms:int", "of an upload: name is that of the machine"},
    {"NodeRun",
     "attempt:id token:int job:id project:id title:text step:int first:int last:int started:time "
     "progress:number?",
     "what it runs; progress of 1"},

    // ---- review
    {"Stroke", "tool:'pen'|'arrow'|'box' colour:text width:number points:number[]",
     "points x, y, pressure in turn, in picture widths and heights (0..1); width in picture "
     "heights"},
    {"Comment",
     "id:id asset:id version:id number:int by:text by_id:text mine:bool frame:int end_frame:int? "
     "timecode:text "
     "text:text drawing:Stroke[]? parent:id? resolved:bool resolved_by:text? created:time "
     "edited:time? "
     "deleted:bool origin:NoteOrigin? carried_on:bool?",
     "a range is frame..end_frame, both in it; origin: of the version before, from which it was "
     "carried; carried_on: it is on a later version, too"},
    {"NoteOrigin",
     "comment:id version:id number:int frame:int timecode:text how:'timecode'|'picture'|'hand'",
     ""},
    {"NoteWaiting", "comment:Comment why:text",
     "a note of the version before without a place here"},
    {"NotePlace", "comment:id frame:int?", "without a frame it stays on its own version"},
    {"NewNotes", "version:id format:'resolve-edl'|'avid'|'csv' file:json",
     "file: the text of the file, at most 1 MiB with all else"},
    {"NotesTaken", "made:int same:int left_count:int left:NoteLeft[]",
     "same: were there already; left: not taken, the first 100 of left_count"},
    {"NoteLeft", "line:int why:text", ""},
    {"NewComment",
     "id:id? version:id frame:int end_frame:int? text:text drawing:Stroke[]? parent:id? name:text?",
     "name: of a share's visitor; id: made by the page, so that sending twice counts once"},
    {"CommentChange", "text:text? drawing:Stroke[]? resolved:bool? deleted:bool?",
     "deleted false brings a deleted one back; an empty drawing takes the drawing away"},
    {"Share",
     "id:id project:id title:text kind:'review'|'files'|'request' assets:id[] folders:int "
     "permission:'view'|'comment' download:bool expires:time? "
     "password:bool created:time by:text uses:int most_uses:int used:time? message:text "
     "wants:RequestWants? revoked:bool url:text?",
     "url is given when it is made, never again: it holds the key"},
    {"NewShare",
     "title:text kind:'review'|'files'|'request'? assets:id[] folders:text[]? "
     "permission:'view'|'comment' download:bool expires:time? password:text? most_uses:int? "
     "message:text? wants:RequestWants?",
     "folders: ids, \"\" for the project's top; what is in them when somebody looks is shared. "
     "most_uses: visits, or of a request sendings; 0: any number"},
    {"RequestWants", "folder:id? most_bytes:int types:text[] fields:RequestField[]",
     "where it goes; most_bytes of one sending, 0: any; types: ends of names, none: all"},
    {"RequestField", "name:text kind:'text'|'choice' required:bool choices:text[]", ""},
    {"ShareKey", "key:text", ""},
    {"Door", "kind:text password:bool brand:Brand title:text?", "title: when no password is asked"},
    {"Brand", "name:text colour:text message:text logo:text",
     "colour: #rrggbb; logo: a data: address; \"\" for none"},
    {"BrandChange", "name:text colour:text message:text logo:json", "logo: a text"},
    {"LinkFileList", "items:LinkFile[] total:int bytes:int archive:text",
     "archive: names what the zip of all of them would be"},
    {"LinkFile", "path:text asset:id version:id number:int size:int content:text modified:time?",
     ""},
    {"LinkUse",
     "at:time name:text address:text act:'opened'|'zip'|'file'|'received' detail:text bytes:int "
     "visit:text",
     "name: as the visitor wants to be called; visit: the same one, the same browser"},
    {"NewDrop", "name:text answers:json key:text?", "answers: texts by the names of the fields"},
    {"DropBegun", "transfer:id name:text", ""},
    {"Drop",
     "transfer:id name:text state:'open'|'closed' created:time answers:json by:text files:int "
     "files_done:int bytes_done:int",
     "one sending by a request"},
    {"TransferReceipt",
     "name:text state:text created:time total:int stored:int bytes:int files:ReceiptFile[] "
     "waiting:int",
     "waiting: so many SHA-256 of files are still worked out: ask again"},
    {"ReceiptFile", "path:text size:int state:'arriving'|'stored' sha256:text? content:text?",
     "content: SHA-256 over the SHA-256 of each 8 MiB"},
    {"AssetCame", "came:Came?", ""},
    {"Came", "share:id title:text transfer:id answers:json by:text created:time",
     "the request by which it came"},
    {"NewShareMail", "to:text[] url:text message:text?", "url: as it was shown, with the key"},
    {"ShareMail", "sent:bool can:bool subject:text text:text",
     "can: the house has a mail server; without one, copy the words"},

    // ---- the line
    {"Traffic", "streams:TrafficStream[] in:int[] out:int[] in_cap:int out_cap:int",
     "bytes of each of the last seconds, oldest first; caps: bytes a second of the line now, 0: "
     "none"},
    {"TrafficStream",
     "id:id kind:text way:'in'|'out' subject:text title:text who:text project:id? total:int "
     "done:int bytes_s:int peak_bytes_s:int left_s:int? began:time moved:time priority:int "
     "requests:int paused:bool moving:bool via:text",
     "total: -1, not known; requests: how often it was begun or taken up"},
    {"StreamChange", "priority:int? paused:bool?", "priority 0 to 100, 50 is the usual one"},
    {"TrafficMove",
     "id:id kind:text title:text who:text project:text way:'in'|'out' began:time ended:time "
     "bytes:int peak_bytes_s:int requests:int files:int verified:int via:text",
     "files, verified: of an upload, and those whose hash was proven; via: udp, tcp (several "
     "connections), https (one), or empty, not known"},
    {"Cap",
     "id:id scope:'line'|'project'|'person'|'link' subject:text name:text in_bits:int out_bits:int "
     "days:int from:int to:int now:bool in_bytes:int out_bytes:int",
     "bits a second; days: a bit a day, Monday 1; from, to: minutes of the day, the same: all day; "
     "now: it holds now; bytes: counted against it since one of its subject holds"},
    {"NewCap",
     "scope:'line'|'project'|'person'|'link' subject:text? in_bits:int? out_bits:int? days:int? "
     "from:int? to:int?",
     ""},
    {"Quota", "scope:'line'|'project'|'person'|'link' subject:text name:text bytes:int used:int",
     "used: held or brought in, and on its way"},
    {"NewQuota", "scope:'line'|'project'|'person'|'link' subject:text? bytes:int", ""},

    {"ShareOpen", "key:text password:text? name:text?", "name: how the visitor wants to be called"},
    {"ShareSeen",
     "id:id title:text kind:text permission:text download:bool assets:id[] name:text? message:text "
     "wants:RequestWants? expires:time? brand:Brand",
     "assets: the first 1,000"},

    // ---- out
    {"Renderer", "name:text title:text extensions:text[] verified:text needs:text template:text",
     "needs: linux, or windows, for which there is no worker yet. template: of a job, with its "
     "parameters"},
    {"Profile",
     "name:text title:text description:text container:text checks_only:text? source:json? "
     "standing:''|'confirmed'|'unconfirmed' notes:text[]? loudness:json? captions:json? qc:text?",
     "checks_only: why the house can not make it. standing: of its source. See "
     "docs/formats/profile.md"},
    {"Readiness",
     "name:text title:text description:text container:text checks_only:text? source:json? "
     "standing:''|'confirmed'|'unconfirmed' notes:text[]? loudness:json? captions:json? qc:text? "
     "state:'ready'|'checks'|'no' fit:Fit[]",
     "a Profile beside one version; checks: it would fit, but the house can not make it"},
    {"Fit", "what:text wanted:text seen:text state:'ok'|'no'|'unknown' fix:text?",
     "unknown: a person or a measurement has to say it"},
    {"NewDelivery",
     "profile:text destination:id? naming:json? burn:text? mastering_display:text? light:text? "
     "map:text? loudness:text? limiter:text? conform:text? pitch:'follow'|'keep'? beside:id[]?",
     "beside: assets that go along unchanged, without it those that the profile suits. "
     "destination: it goes there when it is made. naming: values by field of the profile's "
     "pattern. "
     "burn: into the picture, as `posthouse deliver --burn`. mastering_display, light: what an HDR "
     "master's file does not say. map: which channels become which tracks; loudness: 'report' or "
     "'gain'; limiter: who consents to one; conform, pitch: at which rate its frames are shown, "
     "and "
     "whether the sound keeps its pitch (docs/formats/profile.md)"},
    {"NewDeliveryPlan",
     "profile:text naming:json? map:text? loudness:text? limiter:text? mastering_display:text? "
     "light:text?",
     ""},
    {"DeliveryPlan",
     "name:text package:text values:json pattern:text? problem:Problem? "
     "sound:PlannedTrack[] loudness:json? applies:text fit:Fit[] beside:PlannedBeside[]",
     "problem: what keeps it from being ordered so. loudness: what the profile asks for; applies: "
     "report or gain. fit: what is missing or to be said"},
    {"PlannedTrack",
     "name:text layout:text channels:PlannedChannel[] how:text language:text? title:text?",
     "a track of sound that it would have"},
    {"PlannedChannel", "label:text from:PlannedFrom[]", "of nothing: silence that was asked for"},
    {"PlannedFrom", "track:int channel:int gain_db:number", "of the master, both from 1"},
    {"PlannedBeside", "asset:id kind:text name:text goes:bool", "goes: when nobody says"},
    {"Delivery",
     "id:id version:id asset:id project:id profile:text name:text "
     "state:'waiting'|'running'|'done'|'failed' "
     "size:int? content:text? files:DeliveryFile[] job:id created:time by:text checks:Check[] "
     "problem:Problem? "
     "destination:id? rule:id? sendings:Sending[] standing:''|'kept'|'sent'|'received'|"
     "'in_inspection'|'redelivery_asked'|'accepted' said:text",
     "checks: what was asked, and what probing the result found. standing: the last thing that was "
     "said of it after it was made, and the words; kept: it was to be sent and could not. content: "
     "of the file; none when it is a folder of several, which is called as it is. size: of all"},
    {"DeliveryFile",
     "number:int name:text role:'media'|'captions'|'playlist' size:int content:text language:text? "
     "use:text? cues:int? notes:CaptionNote[]? more:int?",
     "role captions: beside a film, or a ladder's; use: cc, sdh, subtitle, forced; notes: what its "
     "format can not say, the first of them; more: how many others there are"},
    {"DeliveryLook",
     "delivery:id project:id asset:id version:id name:text "
     "state:'none'|'waiting'|'running'|'ready'|'failed' facts:Facts found:json origin:json "
     "derived:Derived[] job:id? problem:Problem?",
     "found: of the master, when it was made (cadence, constant). origin: of which frame of the "
     "master each of its frames is: {kind: same, runs, list or time} "
     "(docs/formats/derived-files.md)"},
    {"Beside",
     "asset:id kind:'dolby-vision'|'adm' name:text version:id number:int size:int by:text "
     "created:time "
     "fits:bool fit:Fit[] problem:text?",
     "a file that goes beside a film unchanged: its newest version, laid beside the film's"},
    {"NewBeside", "file:id", "an asset of the same project"},
    {"Destination",
     "id:id name:text kind:text settings:json? secrets:bool by:text created:time changed:time",
     "kind: folder, s3, sftp, program, link, hand; secrets: there are some"},
    {"NewDestination", "name:text kind:text settings:json? secrets:json?", ""},
    {"DestinationChange", "name:text? settings:json? secrets:json?", ""},
    {"DestinationKind", "name:text title:text settings:DestinationSetting[]", ""},
    {"DestinationSetting", "name:text title:text example:text type:text needed:bool secret:bool",
     "type: t text, i whole number, T texts, o object of texts"},
    {"DestinationTest", "answer:text", ""},
    {"NewSending", "destination:id anyway:bool?",
     "anyway: although a check is not ok; that is written down"},
    {"Sending",
     "id:id delivery:id project:id destination:id to:text kind:text "
     "state:'waiting'|'running'|'ready'|'sent'|'failed' job:id? folder:text place:text? "
     "packed:bool "
     "checklist:text[]? portal:text? problem:Problem? expires:time? by:text created:time "
     "ended:time?",
     "ready: a person has to bring or fetch it"},
    {"SendingMade", "sending:Sending link:text?", "link: of the kind link, told this once"},
    {"PackageFile",
     "name:text size:int "
     "role:'media'|'captions'|'playlist'|'sidecar'|'manifest'|'checksums'|'certificate' md5:text "
     "sha1:text "
     "sha256:text xxh64:text",
     ""},
    {"Package", "folder:text layout:text files:PackageFile[]", ""},
    {"SentByHand", "note:text?", ""},
    {"NewDeliveryState",
     "state:'received'|'in_inspection'|'redelivery_asked'|'accepted' note:text?", ""},
    {"DeliveryState", "state:text note:text sending:id? by:text at:time", ""},
    {"Receipt",
     "sending:Sending delivery:Delivery files:PackageFile[] folder:text proof:json? "
     "history:DeliveryState[] bytes:int took_ms:int bytes_a_second:int checks:Check[]",
     ""},
    {"HouseSelf", "house:id name:text version:text parcels:int parcels_together:int?",
     "parcels: how it writes what is known of an asset (docs/formats/parcel.md); together: how many "
     "in one call"},
    {"House", "id:id name:text by:text created:time url:text? fingerprint:text?",
     "another house; fingerprint: SHA-256 of the certificate that is trusted, empty: authorities"},
    {"NewHouse", "name:text url:text fingerprint:text? token:text",
     "token: of an account there; it is not shown again"},
    {"HouseSaid", "house:id name:text version:text account:text", "account: whose token it is"},
    {"Parcel",
     "id:id project:id house:id name:text way:'out'|'in' there:text job:id receipt:bool by:text "
     "created:time state:text result:ParcelResult? problem:Problem?",
     "there: the other house's project; state: of its job"},
    {"ParcelResult",
     "assets:int assets_made:int versions:int notes:int notes_changed:int notes_gone:int? "
     "renamed:int? placed:int? names_kept:int? decisions:int files:int bytes:int told_kept:int "
     "renumbered:text[] moved:int via:text took_ms:int project:text project_name:text?",
     "what was new there; moved: bytes that had to be moved; told_kept: assets of which people "
     "told "
     "something else at both houses, left as they were; names_kept: assets whose name or place the "
     "account there may not change; via: UDP, TCP, HTTPS"},
    {"NewParcel", "house:id way:'out'|'in' there:text? assets:id[]? paths:text[]?",
     "there: id or name of the other house's project, else the same name; without assets all; "
     "paths: only "
     "those at FOLDER/NAME, or below FOLDER"},
    {"ParcelThing", "house:id thing:id", "where it was made, and its id there"},
    {"ParcelAsk", "versions:ParcelThing[] documents:ParcelSeen[]?",
     "documents: those that are as they were are in no answer"},
    {"ParcelSeen", "house:id thing:id document:text", "document: SHA-256 of what is known of it"},
    {"ParcelWanted", "wanted:int[] documents:int[]?", ""},
    {"ParcelMany", "assets:id[]", "at most 100"},
    {"ParcelTogether", "documents:ParcelDocument[]", "at most 100, and 1 MiB"},
    {"ParcelPlace", "path:text", "of the document in the transfer"},
    {"ParcelFrom", "from:text", ""},
    {"ParcelDocument", "format:int from:json asset:json versions:json notes:json gone:json", ""},
    {"ParcelTaken",
     "asset:id name:text made:bool count:int bytes:int versions:ParcelVersion[] notes:int "
     "notes_changed:int notes_gone:int renamed:bool placed:bool names_kept:bool "
     "told:'none'|'same'|'taken'|'kept'",
     "made: it was not here; kept: people told something else of it here, which stays"},
    {"ParcelVersion", "version:id number:int was:int made:bool decisions:int files:json",
     "number: here; was: at the other house"},
    {"SignedReceipt", "receipt:json signature:ReceiptSignature",
     "signed are the bytes of receipt as JSON without spaces, members in the order of their names"},
    {"ReceiptSignature", "algorithm:'Ed25519' key:text value:text",
     "key and value are base64url without padding"},
    {"ReceiptKey", "algorithm:'Ed25519' key:text", ""},
    {"PickupKey", "key:text", ""},
    {"Pickup", "name:text profile:text folder:text files:PackageFile[] expires:time", ""},
    {"Hook",
     "id:id kind:'webhook'|'mail' target:text project:id? by:text created:time waiting:int "
     "failed:int",
     ""},
    {"HookList", "items:Hook[] mail_server:text", "mail_server: '' when no mail goes out"},
    {"NewHook", "kind:'webhook'|'mail' target:text project:id?", ""},
    {"HookMade", "id:id secret:text", ""},
    {"Notice",
     "id:id hook:id target:text event:text state:'waiting'|'told'|'failed' tries:int answer:text "
     "created:time ended:time?",
     ""},
    {"WatchRule",
     "id:id project:id folder:id? where:text name:text profiles:text[] destination:id? to:text? "
     "enabled:bool by:text created:time runs:int problems:int",
     ""},
    {"NewWatchRule", "name:text folder:id? profiles:text[] destination:id?", ""},
    {"WatchRuleChange", "enabled:bool", ""},
    {"WatchRun",
     "rule:id rule_name:text version:id asset:id name:text profile:text delivery:id? "
     "problem:Problem? "
     "at:time",
     ""},
    {"RuleSet", "name:text title:text description:text standing:text source:json? codes:QcCode[]",
     "rules of quality control. standing: of an outlet's source, as of a profile's"},
    {"QcCode", "code:text title:text severity:'fix'|'issue'|'information'",
     "what a person who looks may find"},
    {"RecordValue", "field:text number:int value:text from:text told:time?",
     "from: the place in the file, or the person who told it, and when"},
    {"RecordField", "name:text help:text words:text several:bool",
     "words: those allowed, parted by spaces; several: its values have numbers"},
    {"Record", "values:RecordValue[] fields:RecordField[]", "docs/formats/metadata.md"},
    {"RecordChange", "field:text number:int? value:text?", "without a value it is taken back"},
    {"NewQcReport", "rules:text", ""},
    {"QcReason", "reason:text", ""},
    {"QcFinding",
     "number:int rule:text check:text clause:text source:text severity:'fix'|'issue'|'information' "
     "note:text? picture:bool? "
     "seen:text allowed:text where:text from:int? to:int? timecode:text? waived_by:text? "
     "waived_for:text? waived:time?",
     "from and to: first and last frame; none: of the whole file"},
    {"NewQcFinding",
     "code:text? title:text severity:'fix'|'issue'|'information' note:text? from:int to:int?",
     "from and to: first and last frame"},
    {"QcSound",
     "track:int layout:text loudness_lufs:number range_lu:number true_peak_dbtp:number "
     "momentary_lufs:number short_term_lufs:number dialogue_lufs:number? speech_percent:number?",
     "track 0: mono tracks together. Dialogue is over what a detector takes for speech: "
     "approximate"},
    {"QcTimeline", "rate:text frames:int limits:QcLimits programmes:QcProgramme[]", ""},
    {"QcLimits", "target_lufs:number? tolerance_lu:number? most_lufs:number? most_dbtp:number?",
     "of the report's rules; most_lufs: short-term"},
    {"QcProgramme",
     "name:text integrated:number range:number point_ms:int length_ms:int momentary:int[] "
     "short:int[] "
     "peaks:int[] over:json",
     "a value each point_ms, the highest under it, in 1/10 LUFS and dBTP; -999: none. over: "
     "[frame, "
     "1/100 dBTP] of each second in which the true peak is over the limit"},
    {"QcLight", "max_cll:int max_fall:int max_cll_frame:int max_fall_frame:int",
     "measured in a PQ picture, cd/m2"},
    {"QcReport",
     "id:id version:id asset:id project:id rules:text state:'waiting'|'running'|'done'|'failed' "
     "job:id "
     "verdict:'pass'|'look'|'fix'? title:text? rate:text? frames:int? start:text? sound:QcSound[]? "
     "bytes:QcBytes? captions:QcCaptions[]? standing:text? source:json? "
     "pse:'pre-check'|'certificate'? certificate:QcCertificate? certificate_needed:bool? "
     "light:QcLight? interlaced_frames:int? top_first_frames:int? "
     "findings:QcFinding[] by:text created:time problem:Problem? approved_by:text? approved:time?",
     "a flash that is found or not is a pre-check (pse), until a device's certificate is attached"},
    {"QcBytes", "files:int size:int content:text sha256:text? holds:bool?",
     "what was measured; holds: whether it is still what was stored"},
    {"QcCaptions", "version:id name:text language:text role:text", "captions that were looked at"},
    {"QcCertificate",
     "name:text size:int device:text number:text date:text by:text attached:time content:text",
     "date: of the certificate"},
    {"Check", "what:text wanted:text seen:text ok:bool", ""},

    // ---- news
    {"Event", "number:int at:time kind:text project:id? subject:text body:json", ""},
};
const size_t shape_count = sizeof(shapes) / sizeof(shapes[0]);

const struct shape *shape_named(const char *name)
{
    for (size_t i = 0; i < shape_count; i++)
        if (strcmp(shapes[i].name, name) == 0)
            return &shapes[i];
    return NULL;
}

bool shape_field_next(text *rest, struct shape_field *field)
{
    *rest = text_trim(*rest);
    if (!rest->size)
        return false;
    text type = text_cut(rest, ' ');
    field->name = text_cut(&type, ':');
    field->optional = text_ends(type, "?");
    type.size -= field->optional ? 1 : 0;
    field->list = text_ends(type, "[]");
    type.size -= field->list ? 2 : 0;
    field->type = type;
    return true;
}

static const char *typescript(text type)
{
    static const char *const names[][2] = {
        {"text", "string"},   {"id", "string"},    {"time", "string"},  {"int", "number"},
        {"number", "number"}, {"bool", "boolean"}, {"json", "unknown"},
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (text_is(type, names[i][0]))
            return names[i][1];
    return NULL;
}

void shapes_typescript(struct buf *out)
{
    buf_text(out, "// Made from the table in src/api/shapes.c. Do not edit.\n");
    for (size_t i = 0; i < shape_count; i++) {
        if (shapes[i].help[0])
            buf_format(out, "\n// %s\n", shapes[i].help);
        buf_format(out, "export interface %s {\n", shapes[i].name);
        text rest = text_of(shapes[i].fields);
        struct shape_field f;
        while (shape_field_next(&rest, &f)) {
            const char *plain = typescript(f.type);
            bool words = f.type.at[0] == '\'';
            buf_format(out, "  %.*s%s: %s", (int)f.name.size, f.name.at, f.optional ? "?" : "",
                       words && f.list ? "(" : "");
            if (plain)
                buf_text(out, plain);
            else
                buf_add(out, f.type.at, f.type.size);
            buf_format(out, "%s%s%s;\n", words && f.list ? ")" : "", f.list ? "[]" : "",
                       f.optional ? " | null" : "");
        }
        buf_text(out, "}\n");
    }
}

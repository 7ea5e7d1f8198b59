// endpoint.mjs FOLDER: what EC2, Azure and Google answer, from the examples in their public references, on a port that it
// writes to FOLDER/port. It checks signatures and tokens by code of its own, keeps the machines it "makes", and writes each
// request to FOLDER/requests (a line of JSON). FOLDER/mood: "busy" (503 first), "full" (no capacity), "notice", "" (usual).
import { createServer } from "node:http";
import { createHash, createHmac, createVerify } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const folder = process.argv[2];
const file = (name) => (existsSync(`${folder}/${name}`) ? readFileSync(`${folder}/${name}`, "utf8").trim() : "");
const sha = (s) => createHash("sha256").update(s).digest("hex");
const hmac = (k, s) => createHmac("sha256", k).update(s).digest();
const machines = new Map(); // provider/name -> {id, state, ...}
let number = 0, busy = 0;

// ---- AWS

function signedWell(request, body) {
  const h = request.headers, m = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/ec2\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(h.authorization ?? "");
  if (!m) return false;
  const [, id, day, region, names, signature] = m;
  const canonical = ["POST", "/", "", ...names.split(";").map((n) => `${n}:${h[n].trim()}`), "", names, sha(body)].join("\n");
  const toSign = ["AWS4-HMAC-SHA256", h["x-amz-date"], `${day}/${region}/ec2/aws4_request`, sha(canonical)].join("\n");
  const secret = id === "AKIDROLE" ? "role secret" : file("secret");
  let key = hmac(`AWS4${secret}`, day);
  for (const part of [region, "ec2", "aws4_request"]) key = hmac(key, part);
  return ["content-type", "host", "x-amz-date"].every((n) => names.split(";").includes(n)) && (id !== "AKIDROLE" || h["x-amz-security-token"] === "role token") && hmac(key, toSign).toString("hex") === signature;
}
const instanceXml = (m) => `<item><instanceId>${m.id}</instanceId><imageId>${m.image}</imageId><instanceState><code>16</code><name>${m.state}</name></instanceState><instanceType>${m.type}</instanceType><launchTime>2026-11-26T10:00:00.000Z</launchTime><tagSet><item><key>Name</key><value>${m.name}</value></item><item><key>posthouse</key><value>${m.house}</value></item></tagSet></item>`;
const awsError = (code, message) => `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>7a62c49f</RequestID></Response>`;
function aws(request, body) {
  const form = new URLSearchParams(body);
  if (!signedWell(request, body)) return [401, awsError("AuthFailure", "AWS was not able to validate the provided access credentials")];
  const head = `<?xml version="1.0" encoding="UTF-8"?>\n<${form.get("Action")}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>59dbff89</requestId>`;
  switch (form.get("Action")) {
    case "RunInstances": {
      if (file("mood") === "full") return [400, awsError("InsufficientInstanceCapacity", "There is no Spot capacity available that matches your request.")];
      const token = form.get("ClientToken");
      let m = [...machines.values()].find((o) => o.token === token);
      if (!m) {
        m = { cloud: "aws", id: `i-${(++number).toString(16).padStart(17, "0")}`, name: form.get("TagSpecification.1.Tag.1.Value"), house: form.get("TagSpecification.1.Tag.2.Value"), type: form.get("InstanceType"), image: form.get("ImageId"), state: "pending", token };
        machines.set(m.id, m);
      }
      return [200, `${head}<reservationId>r-1</reservationId><instancesSet>${instanceXml(m)}</instancesSet></RunInstancesResponse>`];
    }
    case "DescribeInstances": {
      const all = [...machines.values()].filter((m) => m.cloud === "aws" && m.house === form.get("Filter.1.Value.1"));
      const from = Number(form.get("NextToken") ?? 0), page = all.slice(from, from + 3); // pages of three
      for (const m of page) if (m.state === "pending") m.state = "running";
      return [200, `${head}<reservationSet>${page.map((m) => `<item><reservationId>r-1</reservationId><instancesSet>${instanceXml(m)}</instancesSet></item>`).join("")}</reservationSet>${from + 3 < all.length ? `<nextToken>${from + 3}</nextToken>` : ""}</DescribeInstancesResponse>`];
    }
    case "TerminateInstances": {
      const m = machines.get(form.get("InstanceId.1"));
      if (!m) return [400, awsError("InvalidInstanceID.NotFound", "The instance ID does not exist")];
      m.state = m.state === "shutting-down" ? "terminated" : "shutting-down";
      return [200, `${head}<instancesSet><item><instanceId>${m.id}</instanceId></item></instancesSet></TerminateInstancesResponse>`];
    }
  }
  return [400, awsError("InvalidAction", "no such action")];
}
function awsMetadata(request, path) {
  if (path === "/latest/api/token") return request.method === "PUT" && request.headers["x-aws-ec2-metadata-token-ttl-seconds"] ? [200, "imds"] : [400, ""];
  if (request.headers["x-aws-ec2-metadata-token"] !== "imds") return [401, ""];
  if (path.endsWith("/security-credentials/")) return [200, "render"];
  if (path.endsWith("/security-credentials/render")) return [200, JSON.stringify({ Code: "Success", AccessKeyId: "AKIDROLE", SecretAccessKey: "role secret", Token: "role token" })];
  return file("mood") === "notice" ? [200, '{"action":"terminate","time":"2026-11-26T10:02:00Z"}'] : [404, "not found"];
}

// ---- Azure

const azureVm = (m) => ({ name: m.name, location: "westeurope", tags: { Name: m.name, posthouse: m.house }, properties: { vmId: m.id, provisioningState: m.state, hardwareProfile: { vmSize: m.type }, timeCreated: "2026-11-26T10:00:00.1234567+00:00" } });
function azure(request, path, query, body) {
  if (path === "/tenant-1/oauth2/v2.0/token") {
    const form = new URLSearchParams(body);
    return form.get("client_secret") === file("secret") && form.get("scope") === "https://management.azure.com/.default" ? [200, { token_type: "Bearer", expires_in: 3599, access_token: "azure token" }] : [401, { error: "invalid_client", error_description: "AADSTS7000215: Invalid client secret provided." }];
  }
  if (path === "/metadata/identity/oauth2/token") return request.headers.metadata === "true" ? [200, { access_token: "azure token" }] : [400, {}];
  if (path === "/metadata/scheduledevents") return [200, { DocumentIncarnation: 1, Events: file("mood") === "notice" ? [{ EventId: "1", EventType: "Preempt", ResourceType: "VirtualMachine", Resources: ["c1"], EventStatus: "Scheduled", NotBefore: "Mon, 26 Nov 2026 10:00:30 GMT" }] : [] }];
  if (request.headers.authorization !== "Bearer azure token") return [401, { error: { code: "AuthenticationFailed", message: "Authentication failed." } }];
  const m = /^\/subscriptions\/sub-1\/resourceGroups\/farm\/providers\/Microsoft.Compute\/virtualMachines(?:\/([^/]+))?$/.exec(path);
  if (!m || query.get("api-version") !== "2023-09-01") return [404, { error: { code: "ResourceNotFound", message: path } }];
  const key = `azure/${m[1]}`;
  if (request.method === "GET") {
    const all = [...machines.values()].filter((o) => o.cloud === "azure"), from = Number(query.get("$skiptoken") ?? 0);
    return [200, { value: all.slice(from, from + 2).map(azureVm), ...(from + 2 < all.length ? { nextLink: `http://${request.headers.host}${path}?api-version=2023-09-01&$skiptoken=${from + 2}` } : {}) }];
  }
  if (request.method === "PUT") {
    if (file("mood") === "full") return [409, { error: { code: "SkuNotAvailable", message: "The requested size is currently not available in location." } }];
    const asked = JSON.parse(body), p = asked.properties;
    if (!p.networkProfile.networkInterfaceConfigurations[0].properties.ipConfigurations[0].properties.subnet.id || p.osProfile.computerName !== m[1] || !p.storageProfile.imageReference.id) return [400, { error: { code: "InvalidParameter", message: "bad" } }];
    machines.set(key, { cloud: "azure", id: `vm-${++number}`, name: m[1], house: asked.tags.posthouse, type: p.hardwareProfile.vmSize, state: "Creating" });
    return [201, azureVm(machines.get(key))];
  }
  return machines.delete(key) ? [202, ""] : [404, { error: { code: "ResourceNotFound", message: m[1] } }];
}

// ---- Google

function google(request, path, query, body) {
  if (path === "/token") {
    const [head, claims, signature] = new URLSearchParams(body).get("assertion").split("."), c = JSON.parse(Buffer.from(claims, "base64url"));
    const well = createVerify("RSA-SHA256").update(`${head}.${claims}`).verify(file("public.pem"), Buffer.from(signature, "base64url"));
    return well && c.iss === "farm@project-1.iam.gserviceaccount.com" && c.exp > Date.now() / 1000 && c.aud.endsWith("/token") ? [200, { access_token: "google token", expires_in: 3599, token_type: "Bearer" }] : [400, { error: "invalid_grant", error_description: "Invalid JWT Signature." }];
  }
  if (path === "/computeMetadata/v1/instance/preempted") return [200, file("mood") === "notice" ? "TRUE" : "FALSE"];
  if (request.headers.authorization !== "Bearer google token") return [401, { error: { code: 401, message: "Invalid Credentials", errors: [{ reason: "authError" }] } }];
  const m = /^\/compute\/v1\/projects\/project-1\/zones\/zone-1\/instances(?:\/([^/]+))?$/.exec(path);
  if (!m) return [404, { error: { code: 404, message: path, errors: [{ reason: "notFound" }] } }];
  if (request.method === "POST") {
    if (file("mood") === "full") return [503, { error: { code: 503, message: "The zone does not have enough resources available.", errors: [{ reason: "ZONE_RESOURCE_POOL_EXHAUSTED" }] } }];
    const a = JSON.parse(body);
    if (!/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/.test(query.get("requestId")) || !a.disks[0].initializeParams.sourceImage || a.networkInterfaces[0].accessConfigs) return [400, { error: { code: 400, message: "bad", errors: [{ reason: "invalid" }] } }];
    machines.set(`google/${a.name}`, { cloud: "google", id: `${7000 + ++number}`, name: a.name, house: a.labels.posthouse, type: a.machineType, state: "STAGING" });
    return [200, { kind: "compute#operation", name: "operation-1", operationType: "insert", targetId: `${7000 + number}`, status: "RUNNING" }];
  }
  if (request.method === "GET") {
    const all = [...machines.values()].filter((o) => o.cloud === "google" && `labels.posthouse=${o.house}` === query.get("filter")), from = Number(query.get("pageToken") ?? 0);
    return [200, { kind: "compute#instanceList", items: all.slice(from, from + 2).map((o) => ({ id: o.id, name: o.name, status: o.state, machineType: `https://www.googleapis.com/compute/v1/projects/project-1/${o.type}`, creationTimestamp: "2026-11-26T02:00:00.000-08:00" })), ...(from + 2 < all.length ? { nextPageToken: `${from + 2}` } : {}) }];
  }
  return machines.delete(`google/${m[1]}`) ? [200, { kind: "compute#operation" }] : [404, { error: { code: 404, message: "not found", errors: [{ reason: "notFound" }] } }];
}

const server = createServer((request, response) => {
  let body = "";
  request.on("data", (d) => (body += d)).on("end", () => {
    const url = new URL(request.url, "http://x"), path = url.pathname;
    appendFileSync(`${folder}/requests`, JSON.stringify({ method: request.method, url: request.url, body }) + "\n");
    let answer;
    if (file("mood") === "busy" && busy++ % 2 === 0) answer = [503, ""];
    else if (path.startsWith("/latest/")) answer = awsMetadata(request, path);
    else if (path === "/") answer = aws(request, body);
    else if (path.startsWith("/compute") || path === "/token") answer = google(request, path, url.searchParams, body);
    else answer = azure(request, path, url.searchParams, body);
    const text = typeof answer[1] === "string" ? answer[1] : JSON.stringify(answer[1]);
    response.writeHead(answer[0], { "content-type": text.startsWith("<") ? "text/xml" : "application/json" }).end(text);
  });
});
server.listen(0, "127.0.0.1", () => {
  writeFileSync(`${folder}/port.new`, `${server.address().port}`);
  renameSync(`${folder}/port.new`, `${folder}/port`);
});

package buildspec

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/image"
)

// unpack puts the build context in the place of the archive that it travelled in. Files belong to the user who builds.
const unpack = `if ! (cd "$CODEBUILD_SRC_DIR" && tar -xpf ` + Archive + ` --no-same-owner && rm -f ` + Archive + `); then
  echo '[tokendocker] the build context could not be unpacked'; exit 1
fi`

// frame is our command of phase build. It is one command, since CodeBuild promises nothing about arrays or shell
// options from one command to the next, and a subshell, so that its options, trap and exit are its own. It holds no
// value: {{...}} are numbers and one base64 text. Every step is checked by hand as well, because "set -e" is without
// effect where the shell that runs us tests our result.
//
// BuildKit cuts a step's output at 2 MiB and at 200 KiB a second by default; the end of it is what explains a
// failure, so both limits are lifted.
const frame = `(
set -euo pipefail
exec 2>&1 </dev/null
say() { printf '[tokendocker] %s\n' "$1"; }
fail() { say "$1"; exit 1; }
keys=
trap 'rm -rf "$keys"; say "end of the build log"' EXIT
say 'preparing the build'
mapfile -d '' -t data < <(base64 -d <<<'{{data}}' | gzip -dc)
[ "${#data[@]}" = {{total}} ] || fail 'the build data in this recipe is damaged'
registry=${data[0]} buildkit=${data[1]} private=${data[2]}
ids=("${data[@]:3:{{ids}}}") head=("${data[@]:{{head}}}") cache=("${data[@]:{{cache}}}") args=("${data[@]:{{args}}}")
region=${AWS_REGION:-${AWS_DEFAULT_REGION:-}}
cd "$CODEBUILD_SRC_DIR" || fail 'the build context is not there'
if [ -e ` + Archive + ` ]; then
  tar -xpf ` + Archive + ` --no-same-owner && rm -f ` + Archive + ` || fail 'the build context could not be unpacked'
fi
login=$(AWS_MAX_ATTEMPTS=5 aws ecr get-login-password --region "$region" | docker login --username AWS --password-stdin "$registry" 2>&1) ||
  { printf '%s\n' "$login"; fail 'could not log in to the image registry'; }
if [ {{login}} = 1 ]; then
  login=$(printf '%s' "${TOKENDOCKER_LOGIN_PASSWORD:-}" |
    docker login --username="${TOKENDOCKER_LOGIN_USERNAME:-}" --password-stdin ${private:+"$private"} 2>&1) ||
    { printf '%s\n' "$login"; fail "could not log in to ${private:-Docker Hub}"; }
fi
if docker buildx create --name tokendocker --driver docker-container --driver-opt "image=$buildkit" \
    --driver-opt env.BUILDKIT_STEP_LOG_MAX_SIZE=-1 --driver-opt env.BUILDKIT_STEP_LOG_MAX_SPEED=-1 >/dev/null &&
  timeout -k 5 90 docker buildx inspect --bootstrap tokendocker >/dev/null; then
  builder=(--builder tokendocker)
else
  say 'no BuildKit container could be started: building without layer cache'
  builder=() cache=()
fi
ssh=()
if [ {{ids}} != 0 ]; then keys=$(mktemp -d) || fail 'no place for the ssh keys'; fi
for i in "${!ids[@]}"; do
  key=TOKENDOCKER_SSH_$i
  (umask 077; printf '%s\n' "${!key}" >"$keys/$i") || fail 'could not store an ssh key'
  ssh+=(--ssh "${ids[i]}=$keys/$i")
done
say 'docker build begins'
docker buildx build "${head[@]}" "${builder[@]}" "${cache[@]}" "${ssh[@]}" "${args[@]}" "$CODEBUILD_SRC_DIR" || exit
)`

// script is the frame with the build's data in it.
func script(b Build) (string, error) {
	r := b.Request
	args, err := buildArguments(r)
	if err != nil {
		return "", err
	}
	var ids []string
	for _, key := range r.SSH {
		ids = append(ids, key.ID)
	}
	head, cache := options(b), cacheOptions(r)

	host, _, _ := strings.Cut(r.Repository.URI, "/")
	login, private := "0", ""
	if r.Login != nil {
		login, private = "1", r.Login.Registry
	}
	values := []string{host, cmp.Or(r.BuildKit, BuildKit), private}
	place := func(group []string) string {
		slice := fmt.Sprintf("%d:%d", len(values), len(group))
		values = append(values, group...)
		return slice
	}
	place(ids)
	replacer := []string{
		"{{login}}", login,
		"{{ids}}", strconv.Itoa(len(ids)),
		"{{head}}", place(head), "{{cache}}", place(cache), "{{args}}", place(args),
	}
	data, err := pack(values)
	if err != nil {
		return "", err
	}
	replacer = append(replacer, "{{total}}", strconv.Itoa(len(values)), "{{data}}", data)
	return strings.NewReplacer(replacer...).Replace(frame), nil
}

// options are the options of docker buildx build that every build has. Attestations are off, because they make an
// image index of the image, which Lambda refuses (docker/buildx#1533).
func options(b Build) []string {
	r := b.Request
	file, platform := r.Dockerfile, r.Platform
	if file == "" {
		file = "Dockerfile"
	}
	if platform == "" {
		platform = contract.DefaultPlatform
	}
	reference := image.Reference{Repository: r.Repository.URI, Tag: b.Tag}
	list := []string{
		"--progress=plain", "--provenance=false", "--sbom=false", "--push",
		"--platform=" + platform, "--file=./" + file, "--tag=" + reference.String(),
	}
	if r.Target != "" {
		list = append(list, "--target="+r.Target)
	}
	if r.Network != "" && r.Network != "default" {
		list = append(list, "--network="+r.Network)
	}
	if r.Network == "host" {
		list = append(list, "--allow=network.host")
	}
	if r.CacheDisabled == "true" {
		list = append(list, "--no-cache")
	}
	for i, secret := range r.Secrets {
		list = append(list, "--secret=id="+secret.ID+",env="+secretVariable(i))
	}
	return list
}

// cacheOptions keep BuildKit's layers under the tag "cache", in the image's own repository unless the request names
// another. An export that fails does not fail the build.
func cacheOptions(r contract.Request) []string {
	if r.CacheDisabled == "true" {
		return nil
	}
	place := "type=registry,ref=" + cmp.Or(r.CacheURI, r.Repository.URI) + ":cache"
	return []string{"--cache-from=" + place, "--cache-to=" + place + ",mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true"}
}

// buildArguments are the build's arguments, each one argument of docker.
func buildArguments(r contract.Request) ([]string, error) {
	var list []string
	for _, argument := range r.Args {
		value, err := argument.Bytes()
		if err != nil {
			return nil, err
		}
		list = append(list, "--build-arg", argument.Name+"="+string(value))
	}
	return list, nil
}

// pack joins values by NUL, each ended by one, compresses and encodes them. The same values always give the same
// text: the compressed form holds no time.
func pack(values []string) (string, error) {
	var buffer bytes.Buffer
	zip, err := gzip.NewWriterLevel(&buffer, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	for _, value := range values {
		if _, err := zip.Write(append([]byte(value), 0)); err != nil {
			return "", err
		}
	}
	if err := zip.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(buffer.Bytes()), nil
}

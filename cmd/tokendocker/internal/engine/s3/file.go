package s3

import (
	"bytes"
	"crypto/md5" //nolint:gosec // S3's ETag is an MD5
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // one of S3's checksums
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// maxObject is the largest object of one PUT. Source: Amazon S3 User Guide, "Uploading objects".
const maxObject = 5 << 30

func (r *Room) path(file string) string { return filepath.Join(r.dir, file) }

// checksums are those that a client may send. Source: Amazon S3 User Guide, "Checking object integrity".
var checksums = map[string]func() hash.Hash{
	"X-Amz-Checksum-Crc32":     func() hash.Hash { return crc32.NewIEEE() },
	"X-Amz-Checksum-Crc32c":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"X-Amz-Checksum-Crc64nvme": func() hash.Hash { return crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)) },
	"X-Amz-Checksum-Sha1":      sha1.New,
	"X-Amz-Checksum-Sha256":    sha256.New,
}

// write copies body to a new file, and compares it with the checksums in header, some of which may come only at the
// body's end. It returns an object that still lacks its bucket and key.
func (r *Room) write(body io.Reader, header http.Header) (o object, err error) {
	file, err := os.OpenFile(r.path(rand.Text()), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return o, fmt.Errorf("write object: %w", err)
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(file.Name())
		}
	}()
	sum := md5.New() //nolint:gosec // S3's ETag is an MD5
	writers := []io.Writer{file, sum}
	wanted := map[string]hash.Hash{}
	for name, fresh := range checksums {
		if header.Get(name) != "" || strings.EqualFold(header.Get("X-Amz-Trailer"), name) {
			wanted[name] = fresh()
			writers = append(writers, wanted[name])
		}
	}
	if o.Size, err = io.Copy(io.MultiWriter(writers...), io.LimitReader(body, maxObject+1)); err != nil {
		return o, err
	}
	if o.Size > maxObject {
		return o, protocol.Errorf("EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
	}
	if err = verify(sum, wanted, header); err != nil {
		return o, err
	}
	if err = file.Close(); err != nil {
		return o, fmt.Errorf("write object: %w", err)
	}
	o.File = filepath.Base(file.Name())
	o.ETag = `"` + hex.EncodeToString(sum.Sum(nil)) + `"`
	o.Checksums = map[string]string{}
	for name := range wanted {
		o.Checksums[name] = header.Get(name)
	}
	return o, nil
}

func verify(sum hash.Hash, wanted map[string]hash.Hash, header http.Header) error {
	if text := header.Get("Content-Md5"); text != "" {
		want, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(want) != md5.Size {
			return protocol.Errorf("InvalidDigest", "The Content-MD5 you specified was invalid.")
		}
		if !bytes.Equal(want, sum.Sum(nil)) {
			return protocol.Errorf("BadDigest", "The Content-MD5 you specified did not match what we received.")
		}
	}
	for name, h := range wanted {
		if base64.StdEncoding.EncodeToString(h.Sum(nil)) != header.Get(name) {
			algorithm := strings.ToUpper(strings.TrimPrefix(name, "X-Amz-Checksum-"))
			return protocol.Errorf("BadDigest", "The %s you specified did not match the calculated checksum.", algorithm)
		}
	}
	return nil
}

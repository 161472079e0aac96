package s3

import (
	"crypto/md5" //nolint:gosec // S3's ETag is an MD5
	"crypto/rand"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// minPart is the smallest part but the last. Source: Amazon S3 User Guide, "Multipart upload limits".
const minPart = 5 << 20

// upload is a multipart upload; it does not outlive the process.
type upload struct {
	object object
	parts  map[int]object // by number
	begun  time.Time
	ending sync.Mutex // held by the call that completes or aborts it
}

func (r *Room) createUpload(req *request) (http.Handler, error) {
	tags, err := tagsInHeader(req.http.Header.Get("X-Amz-Tagging"))
	if err != nil {
		return nil, err
	}
	u := &upload{parts: map[int]object{}, begun: r.Clock.Now()}
	u.object.describe(req)
	u.object.Tags = tags
	id := rand.Text()
	r.mu.Lock()
	r.uploads[id] = u
	r.mu.Unlock()
	return answer(http.StatusOK, struct {
		XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ InitiateMultipartUploadResult"`
		Bucket   string
		Key      string
		UploadID string `xml:"UploadId"`
	}{Bucket: req.bucket, Key: req.key, UploadID: id})
}

func (r *Room) upload(req *request) (*upload, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.uploads[req.query.Get("uploadId")]
	if u == nil || u.object.Bucket != req.bucket || u.object.Key != req.key {
		return nil, noSuchUpload()
	}
	return u, nil
}

func noSuchUpload() error {
	return &protocol.Error{Code: "NoSuchUpload", Status: http.StatusNotFound,
		Message: "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."}
}

func (r *Room) uploadPart(req *request) (http.Handler, error) {
	part, err := r.receivePart(req, req.http.Body, req.http.Header)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		part.identify(w)
		w.WriteHeader(http.StatusOK)
	}), err
}

// copyPart makes a part of another object, or of a range of it.
// Source: Amazon S3 API Reference, UploadPartCopy.
func (r *Room) copyPart(req *request) (http.Handler, error) {
	bucket, key, err := copySource(req)
	if err != nil {
		return nil, err
	}
	source, file, err := r.open(bucket, key)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	first, last := int64(0), source.Size-1
	if text := req.http.Header.Get("X-Amz-Copy-Source-Range"); text != "" {
		if n, err := fmt.Sscanf(text, "bytes=%d-%d", &first, &last); n != 2 || err != nil || first < 0 || first > last || last >= source.Size {
			return nil, protocol.Errorf("InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
		}
	}
	part, err := r.receivePart(req, io.NewSectionReader(file, first, last-first+1), http.Header{})
	if err != nil {
		return nil, err
	}
	return answer(http.StatusOK, struct {
		XMLName      xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CopyPartResult"`
		ETag         string
		LastModified string
	}{ETag: part.ETag, LastModified: stamp(part.Modified)})
}

// receivePart writes a part of an upload, which may have ended when the part is there.
func (r *Room) receivePart(req *request, body io.Reader, header http.Header) (object, error) {
	n, err := strconv.Atoi(req.query.Get("partNumber"))
	if err != nil || n < 1 || n > 10000 {
		return object{}, protocol.Errorf("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
	}
	u, err := r.upload(req)
	if err != nil {
		return object{}, err
	}
	part, err := r.write(body, header)
	if err != nil {
		return part, err
	}
	part.Modified = r.Clock.Now()
	r.mu.Lock()
	unused := part.File
	if r.uploads[req.query.Get("uploadId")] == u {
		unused, u.parts[n] = u.parts[n].File, part
	} else {
		err = noSuchUpload()
	}
	r.mu.Unlock()
	if unused != "" {
		err = errors.Join(err, os.Remove(r.path(unused)))
	}
	return part, err
}

type completeInput struct {
	Parts []struct {
		PartNumber int
		ETag       string
	} `xml:"Part"`
}

func (r *Room) completeUpload(req *request) (http.Handler, error) {
	u, end, err := r.endUpload(req)
	if err != nil {
		return nil, err
	}
	defer end()
	var in completeInput
	if err := xml.NewDecoder(io.LimitReader(req.http.Body, 4<<20)).Decode(&in); err != nil || len(in.Parts) == 0 {
		return nil, malformedXML()
	}
	parts, err := r.chosen(u, in)
	if err != nil {
		return nil, err
	}
	o, err := r.join(parts)
	if err != nil {
		return nil, err
	}
	o.Bucket, o.Key, o.Headers, o.ContentType, o.Tags = u.object.Bucket, u.object.Key, u.object.Headers, u.object.ContentType, u.object.Tags
	if err := r.store(o, condition(req.http.Header)); err != nil {
		return nil, err
	}
	r.tell(req.http.Context(), happening{name: "ObjectCreated:CompleteMultipartUpload", reason: "CompleteMultipartUpload", object: o, by: req.call.Session})
	if err := r.drop(req); err != nil {
		return nil, err
	}
	return answer(http.StatusOK, struct {
		XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUploadResult"`
		Location string
		Bucket   string
		Key      string
		ETag     string
	}{Location: req.call.Endpoint + "/" + o.Bucket + "/" + escapeKey(o.Key), Bucket: o.Bucket, Key: o.Key, ETag: o.ETag})
}

// chosen are the parts that the client lists, checked.
func (r *Room) chosen(u *upload, in completeInput) ([]object, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var parts []object
	for i, p := range in.Parts {
		part, ok := u.parts[p.PartNumber]
		switch {
		case i > 0 && p.PartNumber <= in.Parts[i-1].PartNumber:
			return nil, protocol.Errorf("InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.")
		case !ok || strings.Trim(p.ETag, `"`) != strings.Trim(part.ETag, `"`):
			return nil, protocol.Errorf("InvalidPart", "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
		case i < len(in.Parts)-1 && part.Size < minPart:
			return nil, protocol.Errorf("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
		}
		parts = append(parts, part)
	}
	return parts, nil
}

// join writes the parts into one file. Its ETag is the hash of the parts' hashes.
func (r *Room) join(parts []object) (o object, err error) {
	var readers []io.Reader
	sums := md5.New() //nolint:gosec // S3's ETag is an MD5
	for _, p := range parts {
		file, err := os.Open(r.path(p.File))
		if err != nil {
			return o, fmt.Errorf("read part: %w", err)
		}
		defer file.Close()
		readers = append(readers, file)
		sum, _ := hex.DecodeString(strings.Trim(p.ETag, `"`)) // we wrote it
		sums.Write(sum)
	}
	if o, err = r.write(io.MultiReader(readers...), http.Header{}); err != nil {
		return o, err
	}
	o.ETag = fmt.Sprintf(`"%x-%d"`, sums.Sum(nil), len(parts))
	return o, nil
}

func (r *Room) abortUpload(req *request) (http.Handler, error) {
	_, end, err := r.endUpload(req)
	if err != nil {
		return nil, err
	}
	defer end()
	if err := r.drop(req); err != nil {
		return nil, err
	}
	return answer(http.StatusNoContent, nil)
}

// endUpload returns an upload once no other call is ending it, until end is called.
func (r *Room) endUpload(req *request) (u *upload, end func(), err error) {
	if u, err = r.upload(req); err != nil {
		return nil, nil, err
	}
	u.ending.Lock()
	if _, err := r.upload(req); err != nil {
		u.ending.Unlock()
		return nil, nil, err
	}
	return u, u.ending.Unlock, nil
}

// drop forgets an upload and removes its parts.
func (r *Room) drop(req *request) error {
	id := req.query.Get("uploadId")
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.uploads[id]
	delete(r.uploads, id)
	var errs []error
	for _, p := range u.parts {
		errs = append(errs, os.Remove(r.path(p.File)))
	}
	return errors.Join(errs...)
}

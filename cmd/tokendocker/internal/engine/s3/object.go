package s3

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

const (
	namespace  = "http://s3.amazonaws.com/doc/2006-03-01/"
	timeLayout = "2006-01-02T15:04:05.000Z"
)

// kept are the headers that an object keeps beside its x-amz-meta-*.
var kept = []string{"Cache-Control", "Content-Disposition", "Content-Language", "Expires"}

func (r *Room) putObject(req *request) (http.Handler, error) {
	if previous, found, err := r.objects.Get(objectKey(req.bucket, req.key)); err != nil {
		return nil, err
	} else if found && req.http.Header.Get("If-None-Match") == "*" || !matches(req.http.Header.Get("If-Match"), previous, found) {
		return nil, &protocol.Error{Code: "PreconditionFailed", Status: http.StatusPreconditionFailed,
			Message: "At least one of the pre-conditions you specified did not hold"}
	}
	if len(req.key) > 1024 {
		return nil, protocol.Errorf("KeyTooLongError", "Your key is too long")
	}
	o, err := r.write(req.http.Body, req.http.Header)
	if err != nil {
		return nil, err
	}
	o.describe(req)
	if err := r.store(o); err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		o.identify(w)
		w.WriteHeader(http.StatusOK)
	}), nil
}

func matches(want string, o object, found bool) bool {
	return want == "" || found && strings.Trim(want, `"`) == strings.Trim(o.ETag, `"`)
}

// describe takes an object's place and headers from the request that makes it.
func (o *object) describe(req *request) {
	o.Bucket, o.Key = req.bucket, req.key
	o.ContentType = req.http.Header.Get("Content-Type")
	o.Headers = map[string]string{}
	for _, name := range kept {
		if v := req.http.Header.Get(name); v != "" {
			o.Headers[name] = v
		}
	}
	for name, values := range req.http.Header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			o.Headers[name] = strings.Join(values, ",")
		}
	}
	encoding := strings.Trim(strings.ReplaceAll(req.http.Header.Get("Content-Encoding"), "aws-chunked", ""), ", ")
	if encoding != "" {
		o.Headers["Content-Encoding"] = encoding
	}
}

// identify writes what both PUT and GET tell of an object.
func (o *object) identify(w http.ResponseWriter) {
	w.Header()["ETag"] = []string{o.ETag}
	w.Header().Set("X-Amz-Server-Side-Encryption", "AES256")
	for name, value := range o.Checksums {
		w.Header().Set(name, value)
	}
}

func (r *Room) getObject(req *request) (http.Handler, error) {
	if v := req.query.Get("versionId"); v != "" && v != "null" {
		return nil, noSuchVersion(req.key, v)
	}
	o, err := r.object(req.bucket, req.key)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(r.path(o.File))
	if err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		defer file.Close()
		sent := o
		if !strings.EqualFold(hr.Header.Get("X-Amz-Checksum-Mode"), "ENABLED") || hr.Header.Get("Range") != "" {
			sent.Checksums = nil
		}
		sent.identify(w)
		w.Header().Set("Content-Type", "binary/octet-stream")
		if o.ContentType != "" {
			w.Header().Set("Content-Type", o.ContentType)
		}
		for name, value := range o.Headers {
			w.Header().Set(name, value)
		}
		for _, name := range []string{"Content-Type", "Content-Disposition", "Cache-Control"} {
			if v := req.query.Get("response-" + strings.ToLower(name)); v != "" {
				w.Header().Set(name, v)
			}
		}
		http.ServeContent(w, hr, "", o.Modified, file)
	}), nil
}

func (r *Room) deleteObject(req *request) (http.Handler, error) {
	if err := r.remove(req.bucket, req.key); err != nil {
		return nil, err
	}
	return answer(http.StatusNoContent, nil)
}

type deleteInput struct {
	Quiet   bool
	Objects []struct {
		Key       string
		VersionID string `xml:"VersionId"`
	} `xml:"Object"`
}

func (r *Room) deleteObjects(req *request) (http.Handler, error) {
	var in deleteInput
	if err := xml.NewDecoder(req.http.Body).Decode(&in); err != nil {
		return nil, malformedXML()
	}
	type deleted struct{ Key string }
	out := struct {
		XMLName xml.Name  `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
		Deleted []deleted `xml:"Deleted"`
	}{}
	for _, o := range in.Objects {
		if o.VersionID != "" && o.VersionID != nullVersion {
			return nil, noSuchVersion(o.Key, o.VersionID)
		}
		if err := r.remove(req.bucket, o.Key); err != nil {
			return nil, err
		}
		if !in.Quiet {
			out.Deleted = append(out.Deleted, deleted{o.Key})
		}
	}
	return answer(http.StatusOK, out)
}

func copySource(req *request) (bucket, key string, err error) {
	source, _, _ := strings.Cut(req.http.Header.Get("X-Amz-Copy-Source"), "?")
	source, err = url.PathUnescape(source)
	bucket, key, ok := strings.Cut(strings.TrimPrefix(source, "/"), "/")
	if err != nil || !ok {
		return "", "", protocol.Errorf("InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	return bucket, key, nil
}

func (r *Room) copyObject(req *request) (http.Handler, error) {
	bucket, key, err := copySource(req)
	if err != nil {
		return nil, err
	}
	source, err := r.object(bucket, key)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(r.path(source.File))
	if err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	defer file.Close()
	o, err := r.write(file, http.Header{})
	if err != nil {
		return nil, err
	}
	o.describe(req)
	if req.http.Header.Get("X-Amz-Metadata-Directive") != "REPLACE" {
		o.ContentType, o.Headers = source.ContentType, source.Headers
	}
	o.ETag, o.Checksums = source.ETag, source.Checksums
	if err := r.store(o); err != nil {
		return nil, err
	}
	return answer(http.StatusOK, struct {
		XMLName      xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CopyObjectResult"`
		ETag         string
		LastModified string
	}{ETag: o.ETag, LastModified: r.Clock.Now().UTC().Format(timeLayout)})
}

func stamp(t time.Time) string { return t.UTC().Format(timeLayout) }

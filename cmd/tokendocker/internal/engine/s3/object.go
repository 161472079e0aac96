package s3

import (
	"encoding/xml"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
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
	if len(req.key) > 1024 {
		return nil, protocol.Errorf("KeyTooLongError", "Your key is too long")
	}
	tags, err := tagsInHeader(req.http.Header.Get("X-Amz-Tagging"))
	if err != nil {
		return nil, err
	}
	allowed := condition(req.http.Header)
	previous, _, err := r.objects.Get(objectKey(req.bucket, req.key))
	if err == nil {
		err = allowed(previous) // before the body is read
	}
	if err != nil {
		return nil, err
	}
	o, err := r.write(req.http.Body, req.http.Header)
	if err != nil {
		return nil, err
	}
	o.describe(req)
	o.Tags = tags
	if err := r.store(o, allowed); err != nil {
		return nil, err
	}
	r.tell(req.http.Context(), happening{name: "ObjectCreated:Put", reason: "PutObject", object: o, by: req.call.Session})
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		o.identify(w)
		w.WriteHeader(http.StatusOK)
	}), nil
}

// condition is what If-None-Match and If-Match ask of the object that is there.
// Source: Amazon S3 User Guide, "How to prevent object overwrites with conditional writes".
func condition(header http.Header) func(old object) error {
	absent, match := header.Get("If-None-Match") == "*", strings.Trim(header.Get("If-Match"), `"`)
	return func(old object) error {
		switch {
		case absent && old.File != "", match != "" && old.File != "" && match != strings.Trim(old.ETag, `"`):
			return preconditionFailed()
		case match != "" && old.File == "":
			return noSuchKey(old.Key)
		}
		return nil
	}
}

func preconditionFailed() error {
	return &protocol.Error{Code: "PreconditionFailed", Status: http.StatusPreconditionFailed,
		Message: "At least one of the pre-conditions you specified did not hold"}
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
	if v := req.query.Get("versionId"); v != "" && v != nullVersion {
		return nil, noSuchVersion(req.key, v)
	}
	o, file, err := r.open(req.bucket, req.key)
	if err != nil {
		return nil, err
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
		if len(o.Tags) > 0 {
			w.Header().Set("X-Amz-Tagging-Count", strconv.Itoa(len(o.Tags)))
		}
		for name, value := range o.Headers {
			w.Header()[onTheWire(name)] = []string{value}
		}
		for _, name := range []string{"Content-Type", "Content-Disposition", "Cache-Control"} {
			if v := req.query.Get("response-" + strings.ToLower(name)); v != "" {
				w.Header().Set(name, v)
			}
		}
		w.Header().Set("Etag", o.ETag)
		delete(w.Header(), "ETag")
		quoteTags(hr.Header)
		http.ServeContent(&refusing{ResponseWriter: w, head: hr.Method == http.MethodHead, object: sent}, hr, "", o.Modified, file)
	}), nil
}

// quoteTags puts quotation marks around the tags in conditions, which S3 takes without them too.
func quoteTags(header http.Header) {
	for _, name := range []string{"If-Match", "If-None-Match"} {
		if tag := header.Get(name); tag != "" && tag != "*" && !strings.Contains(tag, `"`) {
			header.Set(name, `"`+tag+`"`)
		}
	}
}

// onTheWire is the name under which S3 sends an object's header: that of metadata is in lower case, which clients show
// as it comes.
func onTheWire(name string) string {
	if strings.HasPrefix(name, "X-Amz-Meta-") {
		return strings.ToLower(name)
	}
	return name
}

// refusing writes S3's errors in the place of net/http's about ranges and conditions.
type refusing struct {
	http.ResponseWriter
	object  object // that the headers tell of
	head    bool
	refused bool
}

// WriteHeader writes the status, and S3's error for one that says no.
func (w *refusing) WriteHeader(status int) {
	w.Header()["ETag"] = w.Header()["Etag"] // as S3 writes it; net/http has compared the other one
	delete(w.Header(), "Etag")
	var e failure
	switch status {
	case http.StatusRequestedRangeNotSatisfiable:
		e.Code, e.Message = "InvalidRange", "The requested range is not satisfiable"
	case http.StatusPreconditionFailed:
		e.Code, e.Message = "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"
	case http.StatusNotModified: // whose body would be compared with the checksums
		for name := range w.object.Checksums {
			delete(w.Header(), name)
		}
		fallthrough
	default:
		w.ResponseWriter.WriteHeader(status)
		return
	}
	w.refused = true
	for name := range w.object.Headers {
		delete(w.Header(), onTheWire(name))
	}
	for _, name := range slices.Concat([]string{"ETag", "Content-Length"}, slices.Collect(maps.Keys(w.object.Checksums))) {
		delete(w.Header(), name)
	}
	w.Header().Set("Content-Type", "application/xml")
	w.ResponseWriter.WriteHeader(status)
	if text, err := xml.Marshal(e); err == nil && !w.head {
		_, _ = w.ResponseWriter.Write(text) // a client that went away has no use for an error
	}
}

// failure is S3's error.
type failure struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
}

// Write leaves out what net/http says of a refusal.
func (w *refusing) Write(text []byte) (int, error) {
	if w.refused {
		return len(text), nil
	}
	return w.ResponseWriter.Write(text)
}

// discard deletes an object for a client. Nobody is told of one that was not there.
func (r *Room) discard(req *request, key string) error {
	o, found, err := r.objects.Get(objectKey(req.bucket, key))
	if err != nil || !found {
		return err
	}
	if err := r.remove(req.bucket, key); err != nil {
		return err
	}
	r.tell(req.http.Context(), happening{name: "ObjectRemoved:Delete", reason: "DeleteObject", object: o, by: req.call.Session})
	return nil
}

func (r *Room) deleteObject(req *request) (http.Handler, error) {
	if err := r.discard(req, req.key); err != nil {
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
	if err := xml.NewDecoder(req.http.Body).Decode(&in); err != nil { // Needs has bounded it
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
		if err := r.discard(req, o.Key); err != nil {
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
	source, file, err := r.open(bucket, key)
	if err != nil {
		return nil, err
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
	o.ETag, o.Checksums, o.Tags = source.ETag, source.Checksums, source.Tags
	if req.http.Header.Get("X-Amz-Tagging-Directive") == "REPLACE" {
		if o.Tags, err = tagsInHeader(req.http.Header.Get("X-Amz-Tagging")); err != nil {
			return nil, err
		}
	}
	if err := r.store(o, condition(req.http.Header)); err != nil {
		return nil, err
	}
	r.tell(req.http.Context(), happening{name: "ObjectCreated:Copy", reason: "CopyObject", object: o, by: req.call.Session})
	return answer(http.StatusOK, struct {
		XMLName      xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CopyObjectResult"`
		ETag         string
		LastModified string
	}{ETag: o.ETag, LastModified: r.Clock.Now().UTC().Format(timeLayout)})
}

func stamp(t time.Time) string { return t.UTC().Format(timeLayout) }

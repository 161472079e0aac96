package s3

import (
	"encoding/xml"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// owner is who S3 says made and owns something.
type owner struct{ ID, DisplayName string }

// listUploads answers ListMultipartUploads in one page.
func (r *Room) listUploads(req *request) (http.Handler, error) {
	type entry struct {
		Key          string
		UploadID     string `xml:"UploadId"`
		Initiator    owner
		Owner        owner
		StorageClass string
		Initiated    string
	}
	out := struct {
		XMLName     xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListMultipartUploadsResult"`
		Bucket      string
		Prefix      string
		MaxUploads  int
		IsTruncated bool
		Uploads     []entry `xml:"Upload"`
	}{Bucket: req.bucket, Prefix: req.query.Get("prefix"), MaxUploads: maxKeys}
	me := owner{ID: req.call.Account, DisplayName: req.call.Account}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, u := range r.uploads {
		if u.object.Bucket == req.bucket && strings.HasPrefix(u.object.Key, out.Prefix) {
			out.Uploads = append(out.Uploads, entry{u.object.Key, id, me, me, "STANDARD", stamp(u.begun)})
		}
	}
	slices.SortFunc(out.Uploads, func(a, b entry) int {
		if order := strings.Compare(a.Key, b.Key); order != 0 {
			return order
		}
		return strings.Compare(a.Initiated+a.UploadID, b.Initiated+b.UploadID)
	})
	return answer(http.StatusOK, out)
}

// listParts answers ListParts in one page, which holds them all.
func (r *Room) listParts(req *request) (http.Handler, error) {
	type entry struct {
		PartNumber   int
		LastModified string
		ETag         string
		Size         int64
	}
	u, err := r.upload(req)
	if err != nil {
		return nil, err
	}
	me := owner{ID: req.call.Account, DisplayName: req.call.Account}
	out := struct {
		XMLName      xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListPartsResult"`
		Bucket       string
		Key          string
		UploadID     string `xml:"UploadId"`
		Initiator    owner
		Owner        owner
		StorageClass string
		MaxParts     int
		IsTruncated  bool
		Parts        []entry `xml:"Part"`
	}{Bucket: req.bucket, Key: req.key, UploadID: req.query.Get("uploadId"), Initiator: me, Owner: me, StorageClass: "STANDARD", MaxParts: 10000}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		p := u.parts[n]
		out.Parts = append(out.Parts, entry{n, stamp(p.Modified), p.ETag, p.Size})
	}
	return answer(http.StatusOK, out)
}

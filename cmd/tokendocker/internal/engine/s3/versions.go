package s3

import (
	"encoding/xml"
	"net/http"
)

// nullVersion is the version id of an object in a bucket without versioning, which every bucket here is.
// Source: Amazon S3 User Guide, "How S3 Versioning works".
const nullVersion = "null"

// listVersions answers ListObjectVersions: each object has the one version that it has.
func (r *Room) listVersions(req *request) (http.Handler, error) {
	type entry struct {
		Key          string
		VersionId    string //nolint:revive // AWS's spelling
		IsLatest     bool
		LastModified string
		ETag         string
		Size         int64
		StorageClass string
	}
	out := struct {
		XMLName       xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListVersionsResult"`
		Name, Prefix  string
		KeyMarker     string
		MaxKeys       int
		IsTruncated   bool
		NextKeyMarker string  `xml:",omitempty"`
		Versions      []entry `xml:"Version"`
	}{Name: req.bucket, Prefix: req.query.Get("prefix"), KeyMarker: req.query.Get("key-marker"), MaxKeys: maxKeys}
	for _, o := range r.all(req.bucket, out.Prefix) {
		if out.KeyMarker != "" && o.Key <= out.KeyMarker {
			continue
		}
		if len(out.Versions) == maxKeys {
			out.IsTruncated, out.NextKeyMarker = true, out.Versions[maxKeys-1].Key
			break
		}
		out.Versions = append(out.Versions, entry{o.Key, nullVersion, true, stamp(o.Modified), o.ETag, o.Size, "STANDARD"})
	}
	return answer(http.StatusOK, out)
}

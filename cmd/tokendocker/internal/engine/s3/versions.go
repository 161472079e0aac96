package s3

import (
	"encoding/xml"
	"net/http"
)

// nullVersion is the version id of an object in a bucket without versioning, which every bucket here is.
// Source: Amazon S3 User Guide, "How S3 Versioning works".
const nullVersion = "null"

type versionEntry struct {
	Key          string
	VersionID    string `xml:"VersionId"`
	IsLatest     bool
	LastModified string
	ETag         string
	Size         int64
	StorageClass string
}

// listVersions answers ListObjectVersions: each object has the one version that it has.
func (r *Room) listVersions(req *request) (http.Handler, error) {
	size, err := pageSize(req)
	if err != nil {
		return nil, err
	}
	l := listResult{Prefix: req.query.Get("prefix"), Delimiter: req.query.Get("delimiter"), MaxKeys: size, EncodingType: req.query.Get("encoding-type")}
	marker := req.query.Get("key-marker")
	last := l.fill(r.all(req.bucket, l.Prefix), marker)
	if l.IsTruncated {
		l.NextMarker = last
	}
	l.StartAfter = marker
	l.encode()
	out := struct {
		XMLName           xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListVersionsResult"`
		Name              string
		Prefix            string
		Delimiter         string `xml:",omitempty"`
		KeyMarker         string
		MaxKeys           int
		EncodingType      string `xml:",omitempty"`
		IsTruncated       bool
		NextKeyMarker     string         `xml:",omitempty"`
		NextVersionMarker string         `xml:"NextVersionIdMarker,omitempty"`
		Versions          []versionEntry `xml:"Version"`
		CommonPrefixes    []commonPrefix
	}{Name: req.bucket, Prefix: l.Prefix, Delimiter: l.Delimiter, KeyMarker: l.StartAfter, MaxKeys: size, EncodingType: l.EncodingType,
		IsTruncated: l.IsTruncated, NextKeyMarker: l.NextMarker, CommonPrefixes: l.CommonPrefixes}
	if l.IsTruncated {
		out.NextVersionMarker = nullVersion
	}
	for _, o := range l.Contents {
		out.Versions = append(out.Versions, versionEntry{o.Key, nullVersion, true, o.LastModified, o.ETag, o.Size, o.StorageClass})
	}
	return answer(http.StatusOK, out)
}

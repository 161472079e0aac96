package s3

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

const maxKeys = 1000

type listEntry struct {
	Key          string
	LastModified string
	ETag         string
	Size         int64
	StorageClass string
}

type commonPrefix struct{ Prefix string }

type listResult struct {
	XMLName        xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name           string
	Prefix         string
	Delimiter      string `xml:",omitempty"`
	StartAfter     string `xml:",omitempty"`
	Marker         *string
	MaxKeys        int
	KeyCount       *int
	EncodingType   string `xml:",omitempty"`
	IsTruncated    bool
	Contents       []listEntry
	CommonPrefixes []commonPrefix
	Token          string `xml:"ContinuationToken,omitempty"`
	NextToken      string `xml:"NextContinuationToken,omitempty"`
	NextMarker     string `xml:",omitempty"`
}

// listObjects answers both versions of the call.
func (r *Room) listObjects(req *request) (http.Handler, error) {
	second := req.query.Has("list-type")
	out := listResult{
		Name: req.bucket, Prefix: req.query.Get("prefix"), Delimiter: req.query.Get("delimiter"),
		EncodingType: req.query.Get("encoding-type"), Token: req.query.Get("continuation-token"),
	}
	var err error
	if out.MaxKeys, err = pageSize(req); err != nil {
		return nil, err
	}
	after := req.query.Get("marker")
	if second {
		after = req.query.Get("start-after")
		out.StartAfter = after
		if out.Token != "" {
			text, err := base64.RawURLEncoding.DecodeString(out.Token)
			if err != nil {
				return nil, protocol.Errorf("InvalidArgument", "The continuation token provided is incorrect")
			}
			after = string(text)
		}
	} else {
		out.Marker = &after
	}
	last := out.fill(r.all(req.bucket, out.Prefix), after)
	if out.IsTruncated && second {
		out.NextToken = base64.RawURLEncoding.EncodeToString([]byte(last))
	} else if out.IsTruncated && out.Delimiter != "" {
		out.NextMarker = last
	}
	if second {
		count := len(out.Contents) + len(out.CommonPrefixes)
		out.KeyCount = &count
	}
	out.encode()
	return answer(http.StatusOK, out)
}

// pageSize is how much a listing may answer at once.
func pageSize(req *request) (int, error) {
	text := req.query.Get("max-keys")
	if text == "" {
		return maxKeys, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, protocol.Errorf("InvalidArgument", "Provided max-keys not an integer or within integer range")
	}
	return min(n, maxKeys), nil
}

// fill takes the objects after a key or common prefix, and returns the last that it took.
func (l *listResult) fill(objects []object, after string) (last string) {
	for _, o := range objects {
		name, common := o.Key, false
		if l.Delimiter != "" {
			if i := strings.Index(o.Key[len(l.Prefix):], l.Delimiter); i >= 0 {
				name, common = o.Key[:len(l.Prefix)+i+len(l.Delimiter)], true
			}
		}
		if name <= after && after != "" || common && name == last {
			continue
		}
		if len(l.Contents)+len(l.CommonPrefixes) == l.MaxKeys {
			l.IsTruncated = l.MaxKeys > 0
			return last
		}
		last = name
		if common {
			l.CommonPrefixes = append(l.CommonPrefixes, commonPrefix{name})
		} else {
			l.Contents = append(l.Contents, listEntry{o.Key, stamp(o.Modified), o.ETag, o.Size, "STANDARD"})
		}
	}
	return last
}

// encode writes keys as URLs do, for clients that ask for it since XML cannot hold every key.
func (l *listResult) encode() {
	if l.EncodingType != "url" {
		return
	}
	for _, s := range []*string{&l.Prefix, &l.Delimiter, &l.StartAfter, &l.NextMarker} {
		*s = escapeKey(*s)
	}
	for i := range l.Contents {
		l.Contents[i].Key = escapeKey(l.Contents[i].Key)
	}
	for i := range l.CommonPrefixes {
		l.CommonPrefixes[i].Prefix = escapeKey(l.CommonPrefixes[i].Prefix)
	}
}

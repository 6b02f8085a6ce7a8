package signing

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"

	"github.com/esteira-ml/esteira/internal/fault"
)

// MaxSeal bounds the bytes of a signature file.
const MaxSeal = 1 << 20

const (
	payloadType = "application/vnd.in-toto+json"
	sealType    = "application/vnd.dev.sigstore.bundle.v0.3+json"
)

// envelope is a sigstore bundle around a DSSE envelope.
type envelope struct {
	MediaType            string   `json:"mediaType"`
	VerificationMaterial material `json:"verificationMaterial"`
	DSSE                 dsse     `json:"dsseEnvelope"`
}

type material struct {
	PublicKey   hint       `json:"publicKey"`
	TlogEntries []struct{} `json:"tlogEntries"`
}

type hint struct {
	Hint string `json:"hint"`
}

type dsse struct {
	Payload     string      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	Sig   string `json:"sig"`
	KeyID string `json:"keyid"`
}

// Seal is a signature that was read, not verified.
type Seal struct {
	KeyID     string // it says so
	payload   []byte
	signature []byte
}

// Sign returns the content of a signature file for the files of a model. The same
// key, model and files give the same bytes.
func (k *Key) Sign(model string, files []File) ([]byte, error) {
	s, err := state(model, files)
	if err != nil {
		return nil, err
	}
	payload, err := encode(s)
	if err != nil {
		return nil, err
	}
	made, err := k.sign(pae(payload))
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "sign %q", model)
	}
	return (&Seal{KeyID: k.id, payload: payload, signature: made}).encode()
}

func (s *Seal) encode() ([]byte, error) {
	text, err := encode(envelope{
		MediaType: sealType, VerificationMaterial: material{PublicKey: hint{s.KeyID}, TlogEntries: []struct{}{}},
		DSSE: dsse{
			Payload: base64.StdEncoding.EncodeToString(s.payload), PayloadType: payloadType,
			Signatures: []signature{{Sig: base64.StdEncoding.EncodeToString(s.signature)}},
		},
	})
	return append(text, '\n'), err
}

// Read reads the content of a signature file about the files of a model: it is in the
// canonical form and about these files, no more and no fewer. Who signed it is for
// Trust to say. The error is SignatureInvalid.
func Read(text []byte, model string, files []File) (*Seal, error) {
	refuse := func(why string) (*Seal, error) {
		return nil, fault.New(fault.SignatureInvalid, "%s %s", SignatureFile, why).WithRemedy("fetch it again, or package the model again")
	}
	if len(text) > MaxSeal {
		return refuse("has " + strconv.Itoa(len(text)) + " bytes, more than its bound")
	}
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil || len(e.DSSE.Signatures) != 1 {
		return refuse("is not a sigstore bundle with one DSSE signature")
	}
	s := &Seal{KeyID: e.VerificationMaterial.PublicKey.Hint}
	var err error
	if s.payload, err = base64.StdEncoding.DecodeString(e.DSSE.Payload); err != nil {
		return refuse("holds a payload that is not base64")
	}
	if s.signature, err = base64.StdEncoding.DecodeString(e.DSSE.Signatures[0].Sig); err != nil {
		return refuse("holds a signature that is not base64")
	}
	want, err := state(model, files)
	if err != nil {
		return nil, err
	}
	payload, err := encode(want)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(payload, s.payload) {
		return refuse("is not about the model and the files beside it")
	}
	canonical, err := s.encode()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(canonical, text) {
		return refuse("is not in the canonical form")
	}
	return s, nil
}

// pae is what is signed: DSSE's pre-authentication encoding, v1.
func pae(payload []byte) []byte {
	head := "DSSEv1 " + strconv.Itoa(len(payloadType)) + " " + payloadType + " " + strconv.Itoa(len(payload)) + " "
	return append([]byte(head), payload...)
}

"""Everything the practice bank says to people, in Vietnamese and in English.

One table of texts by key; `{name}` stands for a field. A key without words is a mistake that a
test finds, so there is no fallback.
"""

from __future__ import annotations

from typing import Final

LANGUAGES: Final = ("vi", "en")

WORDS: Final[dict[str, tuple[str, str]]] = {
    # the command
    "serve.address": ("Ngân hàng Tập dượt: {address}", "Practice Bank: {address}"),
    "serve.open": (
        "Ngân hàng này không hỏi mật khẩu: đừng mở nó ra mạng ngoài.",
        "This bank asks nobody for a password: keep its network closed.",
    ),
    "serve.busy": (
        "Không mở được {host}:{port}: cổng đang được dùng, hoặc máy này không có địa chỉ đó.",
        "Cannot listen at {host}:{port}: the port is in use, or this machine has no such address.",
    ),
    # the bank
    "bank": ("Ngân hàng Tập dượt", "Practice Bank"),
    "no_real_money": (
        "Tiền ở đây là tiền tập, không có giao dịch thật nào.",
        "Nothing here is real money.",
    ),
    "home": ("Trang chính", "Home"),
    "skip": ("Tới nội dung chính", "Skip to content"),
    "other_language": ("English", "Tiếng Việt"),
    # home
    "home.title": ("Thử trả lệ phí như một người dân", "Try paying a fee as a citizen would"),
    "home.about": (
        "Đóng vai ngân hàng của người nộp và của cơ quan thu; sự cố nào cũng thử được.",
        "It plays the payer's bank and the agency's; whatever can go wrong can be tried.",
    ),
    "home.pay": ("Trả tiền bằng mã QR", "Pay a QR code"),
    "home.accounts": ("Tài khoản", "Accounts"),
    "home.no_accounts": (
        "Chưa có tài khoản nào. Chương trình mở tài khoản bằng POST /api/accounts.",
        "There is no account yet. A program opens one with POST /api/accounts.",
    ),
    "home.latest": ("Giao dịch gần đây", "Latest movements"),
    "home.no_movements": ("Chưa có giao dịch nào.", "Nothing has moved yet."),
    "balance": ("Số dư", "Balance"),
    # account
    "account.statement": ("Sao kê theo ngày", "Statement of a day"),
    "account.day": ("Ngày", "Day"),
    "account.format": ("Định dạng", "Format"),
    "account.download": ("Tải sao kê", "Download"),
    "account.movements": ("Giao dịch", "Movements"),
    "format.camt053": ("CAMT.053 (XML)", "CAMT.053 (XML)"),
    "format.vcb_xlsx": ("Vietcombank cá nhân (XLSX)", "Vietcombank personal (XLSX)"),
    "format.vcb_csv": ("Vietcombank cá nhân (CSV)", "Vietcombank personal (CSV)"),
    # pay
    "pay.title": ("Trả tiền bằng mã QR", "Pay a QR code"),
    "pay.text": ("Dán nội dung mã QR", "Paste what the QR code says"),
    "pay.text_hint": (
        "Chuỗi ký tự bắt đầu bằng 000201, lấy từ trang thanh toán.",
        "The text that begins with 000201, from the payment page.",
    ),
    "pay.or": ("hoặc", "or"),
    "pay.picture": ("Tải ảnh mã QR lên", "Upload a picture of the QR code"),
    "pay.picture_hint": ("PNG hoặc JPG, tối đa 5 MB.", "PNG or JPG, at most 5 MB."),
    "pay.picture_off": (
        "Máy này chưa cài phần đọc ảnh; hãy dán nội dung mã.",
        "Reading pictures is not installed here; please paste the text.",
    ),
    "pay.read": ("Đọc mã", "Read the code"),
    "check.title": ("Kiểm tra rồi xác nhận", "Check, then confirm"),
    "check.to": ("Người nhận", "To"),
    "check.account": ("Số tài khoản", "Account"),
    "check.bank": ("Ngân hàng", "Bank"),
    "check.amount": ("Số tiền", "Amount"),
    "check.amount_hint": (
        "Mã này không ghi số tiền: hãy nhập số đồng, chỉ gồm chữ số.",
        "This code names no amount: enter it in đồng, digits only.",
    ),
    "check.memo": ("Nội dung chuyển khoản", "Memo"),
    "check.no_memo": ("(không có)", "(none)"),
    "check.payer_name": ("Tên người chuyển", "Payer's name"),
    "check.payer_account": ("Số tài khoản người chuyển", "Payer's account"),
    "check.payer_hint": ("Để trống thì bốc thăm.", "Left empty, one is drawn by lot."),
    "check.via": ("Chuyển qua", "Sent through"),
    "check.via_any": ("Bốc thăm", "Drawn by lot"),
    "check.more": ("Đổi người chuyển, số tiền, kênh chuyển", "Change payer, amount or channel"),
    "check.other_amount": ("Trả số tiền khác", "Pay another amount"),
    "check.faults": ("Gây sự cố cho lần trả này", "Make something go wrong"),
    "check.late_seconds": ("Trễ bao nhiêu giây", "Late by so many seconds"),
    "check.late_hint": ("Để trống: giữ tới khi bấm gửi.", "Empty: held until released."),
    "check.confirm": ("Xác nhận trả", "Pay"),
    "check.back": ("Mã khác", "Another code"),
    # receipt
    "receipt.title": ("Đã chuyển tiền", "Payment sent"),
    "receipt.debit_title": ("Tiền ra khỏi tài khoản", "Money left the account"),
    "receipt.credit_title": ("Tiền vào tài khoản", "Money came into the account"),
    "receipt.reversed": ("Ngân hàng đã thu hồi giao dịch này.", "The bank took this payment back."),
    "receipt.time": ("Thời điểm", "Time"),
    "receipt.from": ("Người chuyển", "From"),
    "receipt.reference": ("Số tham chiếu", "Bank reference"),
    "receipt.sent_memo": ("Nội dung người chuyển ghi", "Memo as written"),
    "receipt.booked_memo": ("Nội dung trên sao kê", "Memo on the statement"),
    "receipt.not_booked": ("Không có trên sao kê", "Not on the statement"),
    "receipt.faults": ("Sự cố", "Made to go wrong"),
    "receipt.callbacks": ("Thông báo biến động", "Callbacks"),
    "receipt.no_callbacks": (
        "Không ai đăng ký nhận thông báo của tài khoản này.",
        "Nobody is subscribed to this account.",
    ),
    "receipt.untold": (
        "Dòng này chỉ có trên sao kê; không ai được báo.",
        "Only the statement tells of this line.",
    ),
    "receipt.release": ("Gửi thông báo đang giữ", "Send what is held"),
    "receipt.reverse": ("Ngân hàng thu hồi tiền", "Bank takes it back"),
    "receipt.again": ("Trả mã khác", "Pay another code"),
    "receipt.attempts": ("{count} lần gửi", "{count} tries"),
    "state.waiting": ("đang gửi", "sending"),
    "state.held": ("đang giữ", "held"),
    "state.lost": ("bị mất", "lost"),
    "state.delivered": ("đã nhận", "delivered"),
    "state.failed": ("không gửi được", "failed"),
    "kind.payment": ("Chuyển khoản đến", "Payment"),
    "kind.reversal": ("Thu hồi", "Reversal"),
    "kind.charge": ("Phí ngân hàng", "Bank charge"),
    "kind.interest": ("Lãi tiền gửi", "Interest"),
    "kind.extra_line": ("Dòng thêm", "Extra line"),
    # faults
    "topic.callback": ("Thông báo biến động", "The callback"),
    "topic.payment": ("Người nộp", "The payer"),
    "topic.memo": ("Nội dung chuyển khoản", "The memo"),
    "topic.statement": ("Sao kê", "The statement"),
    "fault.callback_lost": ("Thông báo bị mất", "Callback lost"),
    "fault.callback_late": ("Thông báo tới trễ", "Callback late"),
    "fault.callback_out_of_order": (
        "Thông báo tới sau giao dịch kế tiếp",
        "Callback after the next payment's",
    ),
    "fault.callback_doubled": ("Thông báo gửi hai lần", "Callback sent twice"),
    "fault.callback_amount_differs": (
        "Thông báo sai số tiền so với sao kê",
        "Callback tells another amount than the statement",
    ),
    "fault.stale_timestamp": ("Dấu thời gian quá cũ", "Timestamp an hour old"),
    "fault.bad_signature": ("Chữ ký giả", "Forged signature"),
    "fault.wrong_amount": ("Người nộp trả sai số tiền", "Payer pays another amount"),
    "fault.wrong_account": ("Tiền vào tài khoản khác", "Paid to another account"),
    "fault.memo_cut": ("Mã bị cắt cụt", "Code cut short"),
    "fault.memo_split": ("Mã bị chèn khoảng trắng", "Space inside the code"),
    "fault.memo_damaged": ("Mã sai một chữ số", "One digit changed"),
    "fault.memo_missing": ("Không có mã", "No code at all"),
    "fault.missing_statement_line": (
        "Có thông báo nhưng không có trên sao kê",
        "Told, but not on the statement",
    ),
    # ways of sending
    "via.plain": ("Giữ nguyên nội dung", "As written"),
    "via.vcb": ("VCB Digibank, cùng ngân hàng", "VCB Digibank, same bank"),
    "via.mbvcb": ("VCB Digibank, khác ngân hàng", "VCB Digibank, other bank"),
    "via.vcb_acb": ("VCB Digibank tới ACB", "VCB Digibank to ACB"),
    "via.momo": ("Ví MoMo", "MoMo wallet"),
    "via.momo_cut": ("Ví MoMo, đuôi ngắn", "MoMo wallet, short tail"),
    "via.napas": ("NAPAS 247", "NAPAS 247"),
    "via.napas_ft_before": ("NAPAS 247, số FT đứng trước", "NAPAS 247, FT number before"),
    "via.napas_ft_after": ("NAPAS 247, số FT đứng sau", "NAPAS 247, FT number after"),
    "via.ibbiz": ("VCB iB@nking doanh nghiệp", "VCB corporate banking"),
    "via.mbbiz": ("MB doanh nghiệp", "MB corporate banking"),
    "via.counter": ("Quầy giao dịch", "Bank counter"),
    "via.mb": ("MB", "MB"),
    "via.typed": ("Gõ tay, chữ thường có khoảng trắng", "Typed by hand, small letters, spaces"),
    "via.hyphens_lost": ("Mất dấu gạch nối", "Hyphens lost"),
    "via.rewrapped": ("Xuống dòng giữa từ", "Wrapped mid-word"),
    "via.replaced": ("VietinBank thay nội dung", "VietinBank replaces the memo"),
}

PROBLEMS: Final[dict[str, tuple[str, str]]] = {
    "malformed": ("Không đọc được yêu cầu.", "The request can't be read."),
    "not_found": ("Không có trang này.", "There is no such page."),
    "method_not_allowed": ("Địa chỉ này không nhận cách gọi đó.", "Not that way at this address."),
    "too_large": ("Nội dung gửi lên quá lớn.", "What was sent is too large."),
    "not_json_type": (
        "Yêu cầu phải có Content-Type: application/json.",
        "The request must have Content-Type: application/json.",
    ),
    "wrong_host": ("Ngân hàng không mang tên máy chủ này.", "The bank does not go by this host."),
    "foreign_origin": (
        "Biểu mẫu này không gửi từ trang của ngân hàng. Hãy mở lại trang rồi gửi.",
        "This form was not sent from the bank's own page. Open the page again and send it there.",
    ),
    "broken": ("Có lỗi trong ngân hàng tập dượt.", "Something broke in the practice bank."),
    "not_json": (
        "Nội dung phải là một đối tượng JSON (UTF-8, không trùng tên trường).",
        "The body must be one JSON object (UTF-8, no repeated names).",
    ),
    "missing_field": ("Thiếu trường {name}.", "The field {name} is missing."),
    "unknown_field": ("Không có trường nào tên {name}.", "There is no field {name}."),
    "not_a_text": (
        "Phải là một dòng chữ, tối đa {limit} ký tự.",
        "It must be one line of text, at most {limit} characters.",
    ),
    "not_an_amount": (
        "Phải là số nguyên từ {least} đến {most}, không có dấu chấm, dấu phẩy.",
        "It must be a whole number from {least} to {most}, without points or commas.",
    ),
    "not_a_truth": ("Phải là true hoặc false.", "It must be true or false."),
    "not_a_list": ("Phải là một danh sách chữ.", "It must be a list of texts."),
    "not_an_object": ("Phải là một đối tượng JSON.", "It must be a JSON object."),
    "not_an_instant": (
        "Phải là thời điểm có múi giờ, ví dụ 2026-11-24T14:02:37+07:00.",
        "It must be an instant with its zone, such as 2026-11-24T14:02:37+07:00.",
    ),
    "not_a_day": (
        "Phải là một ngày, ví dụ 2026-11-24.",
        "It must be a day, such as 2026-11-24.",
    ),
    "not_an_account_number": (
        "Số tài khoản gồm 1 đến 19 chữ và số.",
        "An account number has 1 to 19 letters and digits.",
    ),
    "not_a_bin": ("Mã BIN gồm đúng 6 chữ số.", "A BIN has exactly 6 digits."),
    "not_an_address": (
        "Phải là địa chỉ http hoặc https.",
        "It must be an http or https address.",
    ),
    "not_a_choice": ("Chỉ nhận: {allowed}.", "It must be one of: {allowed}."),
    "either_qr_or_account": (
        "Chỉ gửi một trong hai: mã QR, hoặc tài khoản với ngân hàng.",
        "Send either a QR code, or an account with its bank.",
    ),
    "nothing_to_read": (
        "Hãy dán nội dung mã QR hoặc chọn một ảnh.",
        "Paste what the QR code says, or choose a picture.",
    ),
    "unknown_account": (
        "Ngân hàng này không có tài khoản {number} ở ngân hàng đã nêu.",
        "This bank keeps no account {number} at the bank named.",
    ),
    "unknown_movement": ("Không có giao dịch số {number}.", "There is no movement {number}."),
    "unknown_subscription": ("Không có đăng ký số {number}.", "There is no subscription {number}."),
    "account_exists": (
        "Tài khoản {number} đã mở với thông tin khác.",
        "Account {number} is open with other particulars.",
    ),
    "not_reversible": (
        "Chỉ thu hồi được một khoản tiền vào đã lên sao kê, và chỉ một lần (giao dịch {number}).",
        "Only a credit on the statement can be taken back, and only once (movement {number}).",
    ),
    "balance_too_low": (
        "Tài khoản chỉ còn {balance} đồng.",
        "The account holds only {balance} đồng.",
    ),
    "no_other_account": (
        "Không có tài khoản nào khác ngoài {number} để chuyển nhầm vào.",
        "There is no account but {number} to pay into by mistake.",
    ),
    "unknown_via": ("Không có kênh chuyển {name}.", "There is no channel {name}."),
    "unknown_fault": ("Không có sự cố {name}.", "There is no fault {name}."),
    "contradictory_faults": (
        "Các sự cố này không thể cùng xảy ra: {names}.",
        "These can't happen together: {names}.",
    ),
    "unreadable_qr": (
        "Đây không phải mã VietQR đọc được. Hãy sao chép trọn chuỗi, bắt đầu bằng 000201.",
        "This is no VietQR code that can be read. Copy the whole text, beginning with 000201.",
    ),
    "qr_changed": (
        "Mã sai tổng kiểm tra: có ký tự bị thay đổi hoặc thiếu.",
        "The code's checksum is wrong: characters were changed or are missing.",
    ),
    "qr_other_scheme": (
        "Mã này thuộc {scheme}, không phải mã chuyển khoản VietQR.",
        "This is a code of {scheme}, not a VietQR transfer.",
    ),
    "missing_amount": (
        "Mã không ghi số tiền: hãy nhập số tiền.",
        "The code names no amount: enter one.",
    ),
    "pictures_not_readable": (
        "Máy này chưa cài phần đọc ảnh (gói mở rộng sandbox); hãy dán nội dung mã.",
        "Reading pictures is not installed here (the extra sandbox); paste the text instead.",
    ),
    "picture_too_large": (
        "Ảnh quá lớn: tối đa 5 MB và 64 triệu điểm ảnh.",
        "The picture is too large: at most 5 MB and 64 million points.",
    ),
    "not_a_picture": (
        "Tệp này không phải ảnh PNG hay JPG, hoặc đã hỏng.",
        "This file is no PNG or JPG picture, or it is damaged.",
    ),
    "no_code_in_picture": (
        "Không thấy mã QR trong ảnh. Hãy chụp gần và rõ hơn.",
        "No QR code was found in the picture. Take it closer and sharper.",
    ),
    "several_codes_in_picture": (
        "Ảnh có nhiều mã QR; hãy cắt lấy một mã.",
        "There are several QR codes in the picture; cut out one of them.",
    ),
    "not_a_whole_setting": (
        "{name} phải là số nguyên, không phải {text}.",
        "{name} must be a whole number, not {text}.",
    ),
    "not_a_factor": (
        "{name} phải từ 0 đến 10, không phải {text}.",
        "{name} must be between 0 and 10, not {text}.",
    ),
    "bad_poll_signature": (
        "Chữ ký không đúng, hoặc dấu thời gian lệch quá năm phút.",
        "The signature is wrong, or its timestamp is more than five minutes off.",
    ),
    "bad_statement_key": (
        "Thiếu khoá lấy sao kê của tài khoản này, hoặc khoá không đúng.",
        "The key to this account's statements is missing or wrong.",
    ),
    "statement_not_ready": (
        "Ngày {day} chưa hết: sao kê có từ 0 giờ hôm sau.",
        "{day} is not over yet: its statement is there from midnight.",
    ),
}
"""What is said of a refusal, by its code."""


def say(key: str, language: str, **fields: object) -> str:
    """The text of `key` in `language`, its fields filled in."""
    return _told(WORDS[key], language, fields)


def say_problem(code: str, language: str, **fields: object) -> str:
    """What is said of the refusal `code` in `language`."""
    return _told(PROBLEMS[code], language, fields)


def grouped(amount: int, language: str) -> str:
    """`1234567` as `1.234.567`, in English as `1,234,567`."""
    text = f"{amount:,}"
    return text.replace(",", ".") if language == "vi" else text


def _told(texts: tuple[str, str], language: str, fields: dict[str, object]) -> str:
    shown = {
        name: grouped(field, language) if isinstance(field, int) else field
        for name, field in fields.items()
    }
    return texts[LANGUAGES.index(language)].format(**shown)

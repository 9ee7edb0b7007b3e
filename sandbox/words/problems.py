"""What is said of a refusal, by its code: Vietnamese, English."""

from __future__ import annotations

from typing import Final

PROBLEMS: Final[dict[str, tuple[str, str]]] = {
    "malformed": ("Không đọc được yêu cầu.", "The request can't be read."),
    "not_found": ("Không có trang này.", "There is no such page."),
    "method_not_allowed": ("Địa chỉ này không nhận cách gọi đó.", "Not that way at this address."),
    "too_large": ("Nội dung gửi lên quá lớn.", "What was sent is too large."),
    "not_json_type": (
        "Yêu cầu phải có Content-Type: application/json.",
        "The request must have Content-Type: application/json.",
    ),
    "not_xml_type": (
        "Tệp lệnh chi phải gửi với Content-Type: application/xml.",
        "A payment file must be sent with Content-Type: application/xml.",
    ),
    "no_file_sent": ("Hãy chọn một tệp lệnh chi.", "Choose a payment file."),
    "payment_file_too_large": (
        "Tệp quá lớn: tối đa 8 MB.",
        "The file is too large: at most 8 MB.",
    ),
    "not_a_payment_file": (
        "Tệp không đúng chuẩn pain.001.001.09: xem phần {part}.",
        "The file does not follow pain.001.001.09: see {part}.",
    ),
    "control_totals_differ": (
        "Tệp ghi {count} lệnh, tổng {total} đồng; cộng lại là {counted} lệnh, {summed} đồng.",
        "The file says {count} payments of {total} đồng; they are {counted} of {summed} đồng.",
    ),
    "payment_twice": (
        "Lệnh {payment} có hai lần trong tệp.",
        "Payment {payment} stands twice in the file.",
    ),
    "file_seen_before": (
        "Tệp số {file} đã nhận rồi; không chi lần nữa.",
        "File {file} was taken before; nothing is paid again.",
    ),
    "unknown_payment_file": (
        "Không có tệp lệnh chi số {number}.",
        "There is no payment file {number}.",
    ),
    "not_a_place": (
        "Ghi số thứ tự lệnh từ 1 đến {most}, cách nhau bằng dấu phẩy, hoặc all.",
        "Write places of payments from 1 to {most}, with commas, or all.",
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

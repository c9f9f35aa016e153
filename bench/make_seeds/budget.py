"""The figures of Brackenford's budget: three sheets, each a list of rows, the first row its head."""

from __future__ import annotations

Row = list[str | int | float]

_BUDGET: list[Row] = [
    ["Code", "Item", "Actual 2024/25", "Budget 2025/26", "Budget 2026/27", "Remark"],
    ["A1", "Council tax", 2310000, 2386000, 2467000, "Band D rises by 2.9 per cent"],
    ["A2", "Grant from the county", 1480000, 1495000, 1512000, "Not earmarked"],
    ["A3", "County culture fund, library", 0, 0, 700000, "Paid in two halves, June and December"],
    ["A4", "Fees, parking and markets", 688000, 701000, 734000, "Parking at Station Road now 1.40 an hour"],
    ["A5", "Rents of town property", 412000, 418000, 431000, "Corn Hall, 14 flats, tannery yard"],
    ["A6", "Taken from the reserve", 95000, 0, 340000, "300000 library, 40000 potholes"],
    ["A7", "Other income", 270000, 281000, 298000, "Interest, fines, the swan fund"],
    ["A", "Total income", 5255000, 5281000, 6482000, ""],
    ["B1", "Streets and lighting", 1120000, 1165000, 1240000, "Includes 40000 for potholes"],
    ["B2", "Library, running costs", 386000, 392000, 318000, "Lower because of the closure from June"],
    ["B3", "Library, renewal", 60000, 145000, 1150000, "First of two yearly parts"],
    ["B4", "Parks, playgrounds, skate park", 512000, 525000, 541000, "Lamps for the skate park 6400"],
    ["B5", "Schools and kindergartens", 1390000, 1402000, 1448000, "Two new groups at Fell Road"],
    ["B6", "Fire brigade", 244000, 251000, 412000, "Turntable ladder 150000, second-hand"],
    ["B7", "Administration", 905000, 921000, 934000, "One post fewer, see Staff"],
    ["B8", "Culture, twin town, museum", 198000, 204000, 219000, "Includes the Corn Hall organ, 9000"],
    ["B9", "Interest and repayment", 236000, 228000, 220000, "Loan of 2011 ends in 2031"],
    ["B", "Total expenditure", 5051000, 5233000, 6482000, ""],
]

_STAFF: list[Row] = [
    ["Department", "Posts 2025", "Posts 2026", "Cost 2026/27", "Change explained"],
    ["Town clerk's office", 9.5, 9.5, 498000, ""],
    ["Treasury", 6, 5, 287000, "Cash desk closed on 1 July 2026"],
    ["Building and streets", 17, 18, 842000, "A second bridge inspector"],
    ["Library", 8, 8, 268000, "Three colleagues work at Larkfield during the closure"],
    ["Parks", 11, 11, 436000, "The post of rose gardener is shared by two people"],
    ["Schools, caretakers and kitchens", 22.5, 23, 861000, "Half a cook for Fell Road"],
    ["Fire brigade, paid staff", 3, 3, 164000, "And 46 volunteers"],
    ["Museum and Corn Hall", 4, 4.5, 192000, "Half a post for the loan of objects"],
    ["Apprentices", 5, 6, 98000, "One for heating and ventilation"],
]

_RESERVES: list[Row] = [
    ["Reserve", "On 1 April 2025", "Into", "Out of", "On 31 March 2026", "Purpose and limits"],
    ["General reserve", 1420000, 63000, 0, 1483000, "Never below 600000, standing order 41"],
    ["Library reserve", 520000, 80000, 0, 600000, "Released half in 2026/27, half in 2027/28"],
    ["Bridge reserve", 310000, 45000, 22000, 333000, "For Tarn Bridge only, inspection in 2027"],
    ["Swan fund", 4120, 610, 385, 4345, "Legacy of Miss Araminta Sowerby, 1931, for feeding and one funeral"],
    ["Flood reserve", 205000, 30000, 0, 235000, "May be used without a vote if the Wend exceeds 4.20 metres"],
    ["Election reserve", 36000, 12000, 0, 48000, "Next election on 6 May 2027"],
]

SHEETS: dict[str, list[Row]] = {"Budget": _BUDGET, "Staff": _STAFF, "Reserves": _RESERVES}
